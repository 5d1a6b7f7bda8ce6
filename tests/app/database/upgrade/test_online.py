"""An upgrade beside searches and writers: what others see and may do before, within and after each step."""

import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import psycopg
import pytest

from app.database import connect, inspect_schema, migrate
from app.database.documents import KINDS
from app.errors import UserError
from app.providers import Providers
from tests.support.catalogue import Catalogue

Connection = psycopg.Connection[Any]

TITLES = [f"Harbour {number}" for number in range(30)]


@pytest.fixture
def filled(catalogue: Catalogue) -> None:
    artist = catalogue.artist("anna.example", "Anna Quay")
    album = catalogue.album("Slow Tapes", artist=artist)
    for title in TITLES:
        catalogue.track(title, artist=artist, album_id=album, tags=("tape",))


@pytest.fixture
def other(database: str) -> Iterator[Connection]:
    """Another user of the database, whom nothing may hold up for long."""
    with connect(database) as connection:
        connection.autocommit = True
        connection.execute("set statement_timeout = '20s'")
        connection.execute("set lock_timeout = '20s'")
        yield connection


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.database.documents.BATCH", 7)
    monkeypatch.setattr("app.database.steps.PAUSE_SECONDS", 0.05)


class KilledError(Exception):
    """The process ends."""


def end_in(step: str) -> Callable[[str, int, int], None]:
    """End in the third batch of a step."""
    titles: list[str] = []

    def show(title: str, _done: int, _total: int) -> None:
        titles.append(title)
        if titles.count(step) == 3:
            raise KilledError

    return show


def look(connection: Connection) -> dict[str, int]:
    rows = connection.execute("select type, count(*) from search.unified('harbour', max_per_type => 100) group by 1")
    return {str(kind): int(count) for kind, count in rows.fetchall()}


def documents(connection: Connection) -> list[Any]:
    connection.execute("select search_internal.fold_track_counts()")
    columns = "kind, key, field, label, normalized, context, popularity, level, tokens, listed, owner, audience"
    return connection.execute(f"select {columns} from search.documents order by kind, key, field").fetchall()


def words(connection: Connection) -> list[Any]:
    connection.execute("select search_internal.fold_word_counts()")
    return connection.execute("select word, documents, popularity from search.words order by word").fetchall()


def age(connection: Connection) -> None:
    """As a database is whose documents, functions and triggers are of the version before."""
    connection.execute("update search.schema_state set value = '0' where key = 'documents'")
    connection.execute("update search.schema_state set value = 'other' where key = 'functions'")


@pytest.mark.usefixtures("filled")
def test_nothing_is_missing_between_the_steps(database: str, other: Connection, providers: Providers) -> None:
    before, counted = documents(other), words(other)
    age(other)
    seen: list[tuple[str, dict[str, int]]] = []

    def show(title: str, _done: int, _total: int) -> None:
        seen.append((title, look(other)))
        other.execute("update tracks set play_count = play_count where id = 1")

    titles = migrate(database, providers.embedding.card, show)
    assert [title for title in titles if title.startswith("names of")] == [
        *(f"names of {kind}s" for kind in KINDS),
        "names of what is gone",
    ]
    assert len(seen) > len(TITLES) / 7 + 5
    assert {str(found) for _, found in seen} == {"{'track': 30}"}
    assert documents(other) == before
    assert words(other) == counted
    assert inspect_schema(other).ready


@pytest.mark.usefixtures("filled")
def test_others_go_on_within_the_transaction_of_the_functions(
    database: str, other: Connection, providers: Providers, monkeypatch: pytest.MonkeyPatch
) -> None:
    age(other)
    found: list[dict[str, int]] = []

    def meanwhile(_connection: object) -> None:
        found.append(look(other))
        other.execute("update tracks set title = 'Harbour at Night' where id = 1")
        other.execute("insert into tags (name) values ('rain')")
        found.append(look(other))

    # the name of the module is that of its function, too
    monkeypatch.setattr(sys.modules["app.database.migrate"], "check_extensions", meanwhile)
    migrate(database, providers.embedding.card)
    assert found == [{"track": 30}] * 2
    assert other.execute("select count(*) from search.unified('harbour at night')").fetchone() == (1,)


@pytest.mark.usefixtures("filled")
def test_an_interrupted_upgrade_goes_on_where_it_ended(database: str, other: Connection, providers: Providers) -> None:
    before = documents(other)
    age(other)
    other.execute("update search.documents set normalized = 'of the version before' where kind in ('track', 'album')")

    with pytest.raises(KilledError):
        migrate(database, providers.embedding.card, end_in("names of tracks"))
    assert inspect_schema(other).ready, "what is there serves"
    left = other.execute("select count(*) from search.documents where normalized = 'of the version before'").fetchone()
    assert left == (len(TITLES) - 14,)
    again: list[str] = []
    migrate(database, providers.embedding.card, lambda title, _done, _total: again.append(title))
    assert "names of artists" not in again
    assert again.count("names of tracks") == 1 + 3, "one look, and the batches that were left"
    assert documents(other) == before
    assert migrate(database, providers.embedding.card) == []


@pytest.mark.usefixtures("filled")
def test_another_version_between_two_runs_of_one_mixes_nothing(
    database: str, other: Connection, providers: Providers, monkeypatch: pytest.MonkeyPatch
) -> None:
    card = providers.embedding.card
    with monkeypatch.context() as newer:
        newer.setattr("app.database.documents.DOCUMENTS_VERSION", 2)
        with pytest.raises(KilledError):
            migrate(database, card, end_in("names of tracks"))
    migrate(database, card)
    other.execute("update search.documents set label = 'of the first version' where kind = 'artist'")
    with monkeypatch.context() as newer:
        newer.setattr("app.database.documents.DOCUMENTS_VERSION", 2)
        assert "names of artists" in migrate(database, card)
    left = other.execute("select count(*) from search.documents where label = 'of the first version'").fetchone()
    assert left == (0,)


def test_two_at_once_make_an_index(database: str, other: Connection, providers: Providers) -> None:
    """The second waits without a snapshot, for which the index of the first would wait."""
    other.execute("drop index search.documents_tokens_idx")
    waiting = "select from pg_stat_activity where query like 'select \"pg_try_advisory_lock\"%%' and pid <> %s"
    with ThreadPoolExecutor(1) as pool:
        seconds: list[Future[list[str]]] = []

        def show(_title: str, _done: int, _total: int) -> None:
            first = other.execute("select pid from pg_locks where locktype = 'advisory' and granted").fetchone()
            if not seconds:
                seconds.append(pool.submit(migrate, database, providers.embedding.card))
            assert first is not None
            while not seconds[0].done() and other.execute(waiting, first).fetchone() is None:
                pass

        assert migrate(database, providers.embedding.card, show) == ["index documents_tokens_idx"]
        assert seconds[0].result() == []


def test_a_limit_of_the_role_ends_no_step(database: str, other: Connection, providers: Providers) -> None:
    other.execute("drop index search.documents_tokens_idx")
    other.execute(f"alter database {other.info.dbname} set lock_timeout = '1ms'")
    waiting = "select from pg_stat_activity where query like 'create index concurrently%' and wait_event_type = 'Lock'"
    with connect(database) as busy, ThreadPoolExecutor(1) as pool:
        busy.execute("update search.documents set label = label")
        migrating = pool.submit(migrate, database, providers.embedding.card)
        while not migrating.done() and other.execute(waiting).fetchone() is None:
            pass
        busy.rollback()
        assert migrating.result() == ["index documents_tokens_idx"]


def test_an_index_waits_for_a_transaction_a_while(
    database: str, other: Connection, providers: Providers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.database.steps.ATTEMPTS", 3)
    other.execute("drop index search.documents_tokens_idx")
    with connect(database) as busy:
        busy.execute("update search.documents set label = label")
        with pytest.raises(UserError, match=rf"index documents_tokens_idx: .*\(process {busy.info.backend_pid} of "):
            migrate(database, providers.embedding.card)
    assert migrate(database, providers.embedding.card) == [
        "broken index documents_tokens_idx",
        "index documents_tokens_idx",
    ]


@pytest.mark.usefixtures("filled")
def test_a_lock_that_is_not_had_holds_no_one_up(
    database: str, other: Connection, providers: Providers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.database.steps.ATTEMPTS", 3)
    age(other)
    refusals: list[UserError] = []

    def run() -> None:
        with pytest.raises(UserError) as refused:
            migrate(database, providers.embedding.card)
        refusals.append(refused.value)

    with connect(database) as busy:
        busy.execute("update tracks set play_count = 1 where id = 1")
        migrating = threading.Thread(target=run)
        migrating.start()
        while migrating.is_alive():
            assert look(other) == {"track": 30}
            other.execute("update tracks set play_count = play_count + 1 where id = 2")
        migrating.join()
        busy.rollback()
    assert "triggers of" in str(refusals[0])
    assert "A transaction has been open for long" in str(refusals[0])
    migrate(database, providers.embedding.card)
    assert inspect_schema(other).ready


def test_a_comment_in_a_file_reads_no_name_again(database: str, providers: Providers) -> None:
    """What databases have of the version before the number is known to be of the first one."""
    with connect(database) as connection:
        of_files = "7102364eb993124fe651964961cabede2e8bd71f4e89abb9ffc29af24bc3b7b4"
        connection.execute("update search.schema_state set value = %s where key = 'documents'", [of_files])
    assert migrate(database, providers.embedding.card) == []


@pytest.mark.usefixtures("filled")
def test_an_index_that_is_missing_or_broken_comes_back(database: str, other: Connection, providers: Providers) -> None:
    other.execute("drop index search.documents_tokens_idx")
    other.execute("update pg_index set indisvalid = false where indexrelid = 'search.documents_prefix_idx'::regclass")
    done = migrate(database, providers.embedding.card)
    assert done == ["broken index documents_prefix_idx", "index documents_prefix_idx", "index documents_tokens_idx"]
    assert migrate(database, providers.embedding.card) == []
