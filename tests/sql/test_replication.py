"""A logical replica, set up by the statements of the page for DBAs, answers as the primary does."""

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from app.database import connect, migrate
from app.providers import Providers
from tests.support.catalogue import Catalogue
from tests.support.databases import FAST, running_server

Connection = psycopg.Connection[Any]

PAGE = Path("docs/how-to/dba.md").read_text(encoding="utf-8")
OTHER = "other@0123456789ab"


def statement(beginning: str) -> str:
    """Of the page, by how it begins."""
    found = re.search(rf"^(?:primary|replica)=# ({beginning}[^;]*;)", PAGE, re.MULTILINE)
    assert found is not None
    return found.group(1)


def wait(condition: Callable[[], bool], what: str) -> None:
    for _ in range(600):
        if condition():
            return
        time.sleep(0.05)
    pytest.fail(f"{what} did not happen in half a minute")


@pytest.fixture
def pair(providers: Providers) -> Iterator[tuple[Connection, Connection, str]]:
    """Two servers with the schema, and how the second reaches the first."""
    with running_server(FAST | {"wal_level": "logical"}) as first, running_server() as second:
        for server in (first, second):
            migrate(server.url, providers.embedding.card)
        with connect(first.url) as primary, connect(second.url) as replica:
            primary.autocommit = replica.autocommit = True
            info = psycopg.conninfo.conninfo_to_dict(first.url)
            yield primary, replica, f"host={info['host']} dbname={info['dbname']} user={info['user']}"
            replica.execute("drop subscription if exists vibe")


def value(connection: Connection, query: str) -> Any:
    row = connection.execute(query.encode()).fetchone()
    assert row is not None
    return row[0]


def require_same(primary: Connection, replica: Connection, providers: Providers) -> None:
    for word in ("harbour", "later", "harbuor", "tape", "somebody"):
        vector = "[" + ",".join(map(str, providers.embedding.embed_text(word).tolist())) + "]"
        query = "select type, key, label, tier, matched, relevance, similarity from search.unified(%s, %s::halfvec)"
        found = [connection.execute(query, [word, vector]).fetchall() for connection in (primary, replica)]
        assert found[0] == found[1] != [], word


def test_it_answers_as_the_primary_does(pair: tuple[Connection, Connection, str], providers: Providers) -> None:
    primary, replica, reach = pair
    catalogue = Catalogue(primary)

    def arrived(query: str) -> Callable[[], bool]:
        return lambda: bool(value(primary, query) == value(replica, query))

    for title in ("Harbour at Night", "Slow Harbour", "Tape Loops"):
        catalogue.embed(catalogue.track(title, tags=("tape",)), providers.embedding.embed_text(title))
    catalogue.calibrate()
    primary.execute(statement("create publication vibe").encode())
    replica.execute(statement("truncate").encode())
    subscribe = statement("create subscription vibe").replace("host=primary dbname=vibe", reach)
    replica.execute(subscribe.encode())
    wait(
        lambda: value(replica, "select count(*) from pg_subscription_rel where srsubstate <> 'r'") == 0,
        "the first copy",
    )
    require_same(primary, replica, providers)

    primary.execute("update tracks set title = 'Written Later' where title = 'Slow Harbour'")
    catalogue.embed(catalogue.track("Later Still"), providers.embedding.embed_text("later"))
    primary.execute("delete from tracks where title = 'Tape Loops'")
    everything = "select md5(string_agg(d::text, ',' order by d.kind, d.key, d.field)) from search.documents d"
    vectors = "select array_agg(e.track_id order by e.track_id) from search.embeddings e"
    wait(lambda: arrived(everything)() and arrived(vectors)(), "the changes")
    require_same(primary, replica, providers)

    for connection in pair[:2]:
        connection.execute("select search.register_model('other', %s, 3)", [OTHER])
    replica.execute("alter subscription vibe refresh publication")
    primary.execute(
        "insert into search.embeddings (track_id, model_id, file_id, embedding, listed) "
        "select t.id, m.id, t.file_id, array[t.id, 1, 0]::real[]::vector::halfvec, true "
        "from tracks t, search.models m where m.identity = %s",
        [OTHER],
    )
    wait(arrived("select count(*) from search.embeddings"), "vectors of another model")
    nearest = b"select * from search.nearest_tracks('[1,0,0]')"
    for connection in pair[:2]:
        connection.execute("select search.serve_model(%s)", [OTHER])
    assert primary.execute(nearest).fetchall() == replica.execute(nearest).fetchall() != []
    errors = "select apply_error_count + sync_error_count from pg_stat_subscription_stats"
    assert value(replica, errors) == 0
