"""A database of any former version, once it is upgraded, is as one that this version has made."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest

from app.database import EmbeddedPostgres, connect, inspect_schema, migrate
from app.database.adoption.rules import load_rules
from app.database.adoption.run import adopt
from app.providers import Providers
from tests.app.database.upgrade.contents import (
    read_answers,
    read_documents,
    read_kept_rows,
    read_objects,
    read_overloads,
)
from tests.app.database.upgrade.states import RULES, State, build, list_states, load_rows
from tests.support.databases import new_database

Connection = psycopg.Connection[Any]

UNRULED = "0014"
"""Up to this revision an adopted database has no rules: the first adoption by this version is told them."""


@dataclass(frozen=True)
class Upgraded:
    """A state after its upgrade, beside a database that this version has made with the same rows.

    Attributes:
        state: What it was.
        url: Of the upgraded database.
        done: What the upgrade says it did.
        before: The rows of each table before the upgrade.
        old: A connection to the upgraded database.
        fresh: A connection to the other one.
    """

    state: State
    url: str
    done: list[str]
    before: dict[str, list[dict[str, Any]]]
    old: Connection
    fresh: Connection


@pytest.fixture(scope="module")
def templates(server: EmbeddedPostgres, providers: Providers) -> Iterator[dict[bool, str]]:
    """Names of databases that this version has made: its own, and an adopted one."""
    with new_database(server) as own, new_database(server) as adopted:
        names = {}
        for url, is_adopted in ((own, False), (adopted, True)):
            build(url, providers.embedding.card, adopted=is_adopted)
            names[is_adopted] = str(psycopg.conninfo.conninfo_to_dict(url)["dbname"])
        yield names


@pytest.fixture(scope="module", params=list_states(), ids=lambda state: state.name)
def upgraded(
    request: pytest.FixtureRequest, server: EmbeddedPostgres, templates: dict[bool, str], providers: Providers
) -> Iterator[Upgraded]:
    """Every state, upgraded."""
    state: State = request.param
    with new_database(server) as url, new_database(server, templates[state.adopted]) as fresh_url:
        state.restore(url)
        load_rows(fresh_url, state.revision, adopted=state.adopted)
        with connect(url) as old:
            before = read_kept_rows(old)
        done = upgrade(state, url, providers)
        with connect(url) as old, connect(fresh_url) as fresh:
            old.autocommit = fresh.autocommit = True
            yield Upgraded(state, url, done, before, old, fresh)


def upgrade(state: State, url: str, providers: Providers) -> list[str]:
    if state.adopted and state.revision <= UNRULED:
        return adopt(url, providers.embedding.card, rules=load_rules(RULES))
    return migrate(url, providers.embedding.card)


def differences(found: dict[str, str], wanted: dict[str, str]) -> dict[str, tuple[str | None, str | None]]:
    names = sorted(found.keys() | wanted.keys())
    return {name: (found.get(name), wanted.get(name)) for name in names if found.get(name) != wanted.get(name)}


def test_it_is_ready_and_nothing_is_left_to_do(upgraded: Upgraded, providers: Providers) -> None:
    assert inspect_schema(upgraded.old).missing == []
    assert migrate(upgraded.url, providers.embedding.card) == []


def test_its_schema_is_that_of_a_new_one(upgraded: Upgraded) -> None:
    assert differences(read_objects(upgraded.old), read_objects(upgraded.fresh)) == {}


def test_no_overload_is_left_behind(upgraded: Upgraded) -> None:
    assert read_overloads(upgraded.old) == read_overloads(upgraded.fresh)


def test_its_names_are_indexed_as_in_a_new_one(upgraded: Upgraded) -> None:
    found, wanted = read_documents(upgraded.old), read_documents(upgraded.fresh)
    assert len(wanted["documents"]) > 10
    for name, rows in wanted.items():
        assert found[name] - rows == set(), name
        assert rows - found[name] == set(), name


def test_it_answers_as_a_new_one(upgraded: Upgraded) -> None:
    found, wanted = read_answers(upgraded.old), read_answers(upgraded.fresh)
    assert sum(map(bool, wanted.values())) > 50
    assert {query for query in wanted if found[query] != wanted[query]} == set()


def test_its_rows_are_kept(upgraded: Upgraded) -> None:
    after = read_kept_rows(upgraded.old)
    for table, rows in upgraded.before.items():
        kept = after[table]
        columns = set(kept[0]) if kept else set()
        missing = [
            row for row in rows if {n: row[n] for n in row.keys() & columns} not in [
                {n: other[n] for n in row.keys() & columns} for other in kept
            ]
        ]
        assert missing == [], table


def test_every_example_runs(upgraded: Upgraded) -> None:
    for _, example in upgraded.old.execute("select name, example from search.help()").fetchall():
        with upgraded.old.transaction(force_rollback=True):
            upgraded.old.execute(str(example).encode())
    assert upgraded.old.execute("select count(*) > 0 from search.explain('slow')").fetchone() == (True,)
