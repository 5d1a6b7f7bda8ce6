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
    migrate(database, providers.embedding.card)
    with connect(database) as connection:
        assert inspect_schema(connection).warnings == []


def test_functions_of_an_unknown_version_are_not(database: str) -> None:
    with connect(database) as connection:
        connection.execute("update search.schema_state set value = 'other' where key = 'functions'")
        assert inspect_schema(connection).missing == [
            "functions and views are of another version: run vibe-search db migrate"
        ]


@pytest.mark.usefixtures("harbour")
def test_a_function_with_another_signature_leaves_no_overload(database: str, providers: Providers) -> None:
    """Not even one that a view calls."""
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(
            "create function search.explain(q text, viewer text default null) returns text language sql return 'old'"
        )
        connection.execute("create view search.former as select search.explain('x', 'me')")
        with pytest.raises(psycopg.errors.AmbiguousFunction):
            connection.execute("select search.explain('harbour')")
        migrate(database, providers.embedding.card)
        assert connection.execute("select count(*) from search.explain('harbour')").fetchone() != (0,)
