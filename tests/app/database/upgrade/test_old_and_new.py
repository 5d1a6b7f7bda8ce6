"""Processes of the version before go on while a newer schema is there that they can use."""

from pathlib import Path

import psycopg
import pytest

from app.database import connect, inspect_schema, migrate, require_schema
from app.errors import UserError
from app.http.readiness import inspect_readiness
from app.providers import Providers
from tests.support.catalogue import Catalogue
from tests.support.newer_version import NewerVersion

COLUMN = "alter table search.documents add column if not exists mood text;\n"


@pytest.fixture
def newer(tmp_path: Path) -> NewerVersion:
    return NewerVersion(tmp_path)


@pytest.fixture
def harbour(catalogue: Catalogue) -> int:
    return catalogue.track("Harbour at Night", artist=catalogue.artist("anna.example", "Anna Quay"))


def find(url: str, q: str) -> list[str]:
    with connect(url) as connection:
        rows = connection.execute("select label from search.unified(%s) where type = 'track'", [q]).fetchall()
    return [str(label) for (label,) in rows]


@pytest.mark.usefixtures("harbour")
def test_a_compatible_schema_is_served(database: str, newer: NewerVersion, providers: Providers) -> None:
    newer.add_migration(f"-- compatible from 0016\n{COLUMN}")
    assert newer.migrate(database)[0].endswith("-> 9000")
    report = inspect_readiness(database, providers)
    assert report.ready
    assert any("the database has schema 9000" in line and "newer version" in line for line in report.missing)
    require_schema(database)
    assert find(database, "harbour") == ["Harbour at Night"]
    with pytest.raises(UserError, match="update vibe-search"):
        migrate(database, providers.embedding.card)


def test_a_migration_that_says_nothing_is_compatible_with_none(
    database: str, newer: NewerVersion, providers: Providers
) -> None:
    newer.add_migration(COLUMN)
    newer.migrate(database)
    report = inspect_readiness(database, providers)
    assert not report.ready
    assert "the schema is at 9000, which this version does not know: update vibe-search" in report.missing
    with pytest.raises(UserError, match="update vibe-search"):
        require_schema(database)


def test_of_several_the_strictest_counts(database: str, newer: NewerVersion) -> None:
    newer.add_migration(COLUMN, "9000")
    newer.add_migration("-- compatible from 0016\nselect 1;\n", "9001")
    newer.migrate(database)
    with connect(database) as connection:
        assert not inspect_schema(connection).ready


def test_later_compatible_ones_do_not_lift_an_earlier_one(database: str, newer: NewerVersion) -> None:
    newer.add_migration(COLUMN, "9000")
    newer.migrate(database)
    newer.add_migration("-- compatible from 0016\nselect 1;\n", "9001")
    newer.migrate(database)
    with connect(database) as connection:
        assert not inspect_schema(connection).ready


@pytest.mark.usefixtures("harbour")
def test_newer_functions_are_served_and_the_own_ones_come_back(
    database: str, newer: NewerVersion, providers: Providers
) -> None:
    newer.change("functions/search/names.sql", "language", "-- newer\nlanguage")
    newer.migrate(database)
    report = inspect_readiness(database, providers)
    assert report.ready
    assert any("functions of a newer version" in line for line in report.missing)
    assert find(database, "harbour") == ["Harbour at Night"]
    with pytest.raises(UserError, match="functions of a newer version: update vibe-search"):
        migrate(database, providers.embedding.card)
    with connect(database) as connection:
        # as the message says
        connection.execute("delete from search.schema_state where key = 'superseded_functions'")
    migrate(database, providers.embedding.card)
    with connect(database) as connection:
        assert inspect_schema(connection).warnings == []


def test_functions_that_the_version_before_cannot_call(
    database: str, newer: NewerVersion, providers: Providers
) -> None:
    newer.change("functions/search/names.sql", "language", "-- newer\nlanguage")
    newer.change("../app/database/schema.py", "SIGNATURES_VERSION = 1", "SIGNATURES_VERSION = 2")
    newer.migrate(database)
    with connect(database) as connection:
        assert inspect_schema(connection).missing == [
            "functions and views are of another version: run vibe-search db migrate"
        ]
    with pytest.raises(UserError, match="functions of a newer version: update vibe-search"):
        migrate(database, providers.embedding.card)


def test_functions_of_an_unknown_version_are_not(database: str) -> None:
    with connect(database) as connection:
        connection.execute("update search.schema_state set value = 'other' where key = 'functions'")
        assert inspect_schema(connection).missing == [
            "functions and views are of another version: run vibe-search db migrate"
        ]


FORMER = """
create function search.explain(q text, viewer text default null) returns text language sql return 'old';
comment on function search.explain(text, text) is 'Of a former version.';
"""


@pytest.mark.usefixtures("harbour")
def test_a_function_with_another_signature_leaves_no_overload(database: str, providers: Providers) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(FORMER)
        connection.execute("create view search.former as select search.explain('x', 'me')")
        connection.execute("comment on view search.former is 'Of a former version.'")
        with pytest.raises(psycopg.errors.AmbiguousFunction):
            connection.execute("select search.explain('harbour')")
        migrate(database, providers.embedding.card)
        assert connection.execute("select count(*) from search.explain('harbour')").fetchone() != (0,)


def test_what_others_have_made_stays(database: str, providers: Providers) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("create function search.explain(a text, b int, c int) returns int language sql return 1")
        connection.execute("create view search.report as select search.explain('x', 1, 2) as own")
        migrate(database, providers.embedding.card)
        assert connection.execute("select own from search.report").fetchone() == (1,)


def test_what_others_have_made_of_a_former_function_is_named(database: str, providers: Providers) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(FORMER)
        connection.execute("create view public.report as select search.explain('x', 'me')")
        with pytest.raises(UserError, match=r"explain\(text,text\).*view public.report.*Drop that, run this again"):
            migrate(database, providers.embedding.card)
        connection.execute("drop view public.report")
        migrate(database, providers.embedding.card)
