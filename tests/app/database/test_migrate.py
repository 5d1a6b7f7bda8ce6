"""vibe-search db migrate."""

from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from app.database import EmbeddedPostgres, connect, inspect_schema, migrate
from app.database.dump import SCHEMA_FILE, dump_schema
from app.database.sql_files import repeatable_digest, repeatable_scripts
from app.errors import DatabaseUnavailableError, UserError
from app.providers import Providers
from tests.support.databases import new_database


def test_migrating_again_does_nothing(database: str, providers: Providers) -> None:
    before = dump_schema(database)
    assert migrate(database, providers.embedding.card) == []
    assert dump_schema(database) == before


def test_a_move_of_a_file_changes_no_digest() -> None:
    """Functions are applied in the order of their files' names, of which each is there once."""
    names = [script.name for script in repeatable_scripts() if script.parent.parent.name == "functions"]
    assert len(names) > 20
    assert names == sorted(set(names))
    assert repeatable_digest("visibility") != repeatable_digest("names") != repeatable_digest("no such file")


def test_two_at_once(empty_database: str, providers: Providers) -> None:
    with ThreadPoolExecutor(2) as pool:
        runs = [pool.submit(migrate, empty_database, providers.embedding.card) for _ in range(2)]
        steps = sorted((run.result() for run in runs), key=len)
    assert steps[0] == []
    assert len(steps[1]) == 3
    with connect(empty_database) as connection:
        assert inspect_schema(connection).ready


def test_committed_dump_is_fresh(database: str) -> None:
    assert dump_schema(database) == SCHEMA_FILE.read_text(encoding="utf-8"), "run make schema"


def test_a_failing_migration_leaves_nothing(empty_database: str, providers: Providers) -> None:
    with connect(empty_database) as connection:
        connection.execute("create table playlists (id int)")  # in the way of the first migration
    with pytest.raises(UserError, match='relation "playlists" already exists'):
        migrate(empty_database, providers.embedding.card)
    with connect(empty_database) as connection:
        assert connection.execute("select to_regclass('tracks'), to_regnamespace('search')").fetchone() == (None, None)


def test_newer_queue_migrations_are_applied(database: str, providers: Providers) -> None:
    with connect(database) as connection:
        newest = connection.execute(
            "delete from search.queue_migrations "
            "where name = (select max(name) from search.queue_migrations) returning name"
        ).fetchone()
        connection.execute("drop function procrastinate_retry_job_v1")  # what that migration of 3.4.0 removes
    assert newest is not None
    assert migrate(database, providers.embedding.card) == [f"procrastinate: {newest[0]}"]


@pytest.mark.parametrize("key", ["functions", "repeatable"])
def test_a_queue_without_notes_is_left_alone(database: str, providers: Providers, key: str) -> None:
    """In a database of this version, and in one of a version that had another key in the schema's state."""
    with connect(database) as connection:
        connection.execute("update search.schema_state set key = %s where key = 'functions'", [key])
        connection.execute("delete from search.queue_migrations")
    with pytest.raises(UserError, match=r"search\.queue_migrations"):
        migrate(database, providers.embedding.card)


def test_a_locale_that_drops_letters_is_refused(server: EmbeddedPostgres, providers: Providers) -> None:
    with new_database(server, options="locale 'C'") as url, pytest.raises(UserError, match="knows ASCII letters only"):
        migrate(url, providers.embedding.card)


def test_an_unreachable_server(providers: Providers) -> None:
    with pytest.raises(DatabaseUnavailableError, match=r"127\.0\.0\.1"):
        migrate("postgresql://nobody@127.0.0.1:1/none", providers.embedding.card)


@pytest.mark.parametrize("url", ["mysql://a/b", "sqlite:///x", "nonsense", "postgresql://host:port/x"])
def test_urls_of_other_things(url: str, providers: Providers) -> None:
    with pytest.raises(UserError, match="DATABASE_URL"):
        migrate(url, providers.embedding.card)


def test_an_owner_who_is_no_superuser_migrates_and_searches(empty_database: str, providers: Providers) -> None:
    with psycopg.connect(empty_database, autocommit=True) as connection:
        connection.execute("drop role if exists keeper")
        connection.execute("create role keeper login")
        for extension in ("vector", "pg_trgm", "unaccent", "fuzzystrmatch"):
            connection.execute(f"create extension {extension}".encode())
        connection.execute(f"alter database {connection.info.dbname} owner to keeper".encode())
    url = empty_database.replace("postgres:@", "keeper:@")
    assert len(migrate(url, providers.embedding.card)) >= 3
    assert migrate(url, providers.embedding.card) == []  # in a new session, where no extension is loaded yet
    with connect(url) as connection:
        serve = "select search.serve_model(identity) from search.models"
        connection.execute(serve)
        assert connection.execute("select count(*) from search.unified('fern')").fetchone() == (0,)
    with psycopg.connect(empty_database, autocommit=True) as connection:
        connection.execute("reassign owned by keeper to postgres")
        connection.execute("drop owned by keeper")
        connection.execute("drop role keeper")


def test_a_database_of_a_newer_version(database: str) -> None:
    with connect(database) as connection:
        connection.execute("update vibe_search_version set version_num = '9999'")
    with connect(database) as connection:
        assert inspect_schema(connection).missing == [
            "the schema is at 9999, which this version does not know: update vibe-search"
        ]


def test_an_encoding_that_has_no_letters(server: EmbeddedPostgres, providers: Providers) -> None:
    of_bytes = "encoding 'SQL_ASCII' locale 'C'"
    with new_database(server, options=of_bytes) as url, pytest.raises(UserError, match="encoded in SQL_ASCII"):
        migrate(url, providers.embedding.card)


def test_a_role_that_may_not(server: EmbeddedPostgres, empty_database: str, providers: Providers) -> None:
    with psycopg.connect(empty_database, autocommit=True) as connection:
        connection.execute("drop role if exists visitor")
        connection.execute("create role visitor login")
    with pytest.raises(UserError, match="may not migrate: permission denied"):
        migrate(empty_database.replace("postgres:@", "visitor:@"), providers.embedding.card)
    assert server.url
