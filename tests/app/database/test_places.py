"""The ways of every user on the databases that operators have; the rows of the table in the how-to."""

from collections.abc import Mapping
from pathlib import Path

import psycopg
import pytest

from app.database import ROLES, EmbeddedPostgres, adopt, connect, grant_roles, load_rules, migrate, require_schema
from app.providers import Providers
from tests.app.database.adoption.conftest import ROWS, SCHEMA
from tests.support.journey import ARTIST, go_all_the_way
from tests.support.plain_owner import IN_PUBLIC, OwnedDatabase, as_role, database_of_a_plain_owner
from tests.support.their_queue import TheirQueue

PLACES: dict[str, Mapping[str, str]] = {
    "extensions": dict.fromkeys(IN_PUBLIC, "extensions"),
    "both": {**dict.fromkeys(IN_PUBLIC, "extensions"), "vector": "public"},
    "in quotes": dict.fromkeys(IN_PUBLIC, "Extensions-1"),
}
"""The schemas of extensions."""


def make_own(owned: OwnedDatabase, providers: Providers) -> None:
    assert len(migrate(owned.url, providers.embedding.card)) >= 3
    assert migrate(owned.url, providers.embedding.card) == []
    with connect(owned.url) as connection:
        connection.execute(
            "insert into public.artists (did, handle, display_name) values (%s, 'bert', 'Bert')", [ARTIST]
        )


def make_adopted(owned: OwnedDatabase, providers: Providers) -> None:
    with psycopg.connect(owned.url, autocommit=True) as connection:
        connection.execute(SCHEMA.encode())
        connection.execute(ROWS.encode())
    assert adopt(owned.url, providers.embedding.card, rules=load_rules("plyr.fm"))
    assert adopt(owned.url, providers.embedding.card) == []


MAKE = {"own": make_own, "adopted": make_adopted}


def use(owned: OwnedDatabase, folder: Path, clap_models: Path) -> None:
    """Everything as `vibe_app` and its owner; then what psql shows to those whose path holds nothing."""
    grant_roles(owned.url, dict.fromkeys(ROLES, "secret"))
    application = as_role(owned.url, ROLES[0], "secret")
    require_schema(application)
    go_all_the_way(owned.url, application, folder, clap_models)
    with psycopg.connect(as_role(owned.url, ROLES[1], "secret"), options="-c search_path=pg_catalog") as reader:
        found = reader.execute("select label from search.unified('quay lantern')").fetchall()
        assert found == [("Quay Lantern",)]
        assert reader.execute("select count(*) from search.help()").fetchone() != (0,)
        for view in ("queue", "track_embeddings", "sizes", "index_health", "embedding_coverage", "mirror_lag"):
            reader.execute(f"select * from search.{view}".encode())


@pytest.mark.parametrize(
    ("place", "catalogue"),
    [("extensions", "own"), ("extensions", "adopted"), ("both", "own"), ("in quotes", "adopted")],
)
def test_extensions_are_used_where_they_are(
    server: EmbeddedPostgres, providers: Providers, clap_models: Path, tmp_path: Path, place: str, catalogue: str
) -> None:
    with database_of_a_plain_owner(server, PLACES[place], roles=ROLES) as owned:
        MAKE[catalogue](owned, providers)
        use(owned, tmp_path, clap_models)


@pytest.mark.parametrize("catalogue", MAKE)
def test_an_application_keeps_its_queue(
    server: EmbeddedPostgres, providers: Providers, clap_models: Path, tmp_path: Path, catalogue: str
) -> None:
    with database_of_a_plain_owner(server, roles=ROLES) as owned:
        theirs = TheirQueue(owned.url)
        theirs.make()
        theirs.enqueue("before")
        MAKE[catalogue](owned, providers)
        theirs.enqueue("between")
        use(owned, tmp_path, clap_models)
        theirs.enqueue("after")
        assert theirs.waiting() == [("todo", 0)] * 3
        assert theirs.work() == ["before", "between", "after"]
        with connect(owned.url) as connection:
            ours = connection.execute(
                "select count(*) from search.procrastinate_jobs where status = 'succeeded'"
            ).fetchone()
        assert ours != (0,)


def test_a_queue_in_public_stays_there(database: str, providers: Providers) -> None:
    """It was made by an earlier version, or where there was none."""
    assert migrate(database, providers.embedding.card) == []
    with connect(database) as connection:
        row = connection.execute(
            "select to_regclass('public.procrastinate_jobs') is null, to_regclass('search.procrastinate_jobs') is null"
        ).fetchone()
    assert row == (False, True)


@pytest.mark.parametrize("catalogue", MAKE)
def test_extensions_that_move_are_found_again(server: EmbeddedPostgres, providers: Providers, catalogue: str) -> None:
    with database_of_a_plain_owner(server) as owned:
        MAKE[catalogue](owned, providers)
        with psycopg.connect(owned.superuser, autocommit=True) as admin:
            admin.execute("create schema extensions; grant usage on schema extensions to public")
            for extension in IN_PUBLIC:
                admin.execute(f"alter extension {extension} set schema extensions".encode())
        with psycopg.connect(owned.url, autocommit=True) as connection:
            with pytest.raises(psycopg.errors.UndefinedFunction):
                connection.execute("select * from search.unified('slow tidde')")
            migrate(owned.url, providers.embedding.card)
            connection.execute("select * from search.unified('slow tidde')")
            connection.execute("update public.artists set display_name = 'Grêve' where did = %s", [ARTIST])
            found = connection.execute("select label from search.unified('greve')").fetchall()
            assert ("Grêve",) in found
