"""A database of any former version, once it is upgraded, is as one that this version has made."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest

from app.database import EmbeddedPostgres, adopt, connect, inspect_schema, load_rules, migrate
from app.providers import Providers
from app.settings import Settings
from tests.app.database.upgrade.contents import (
    read_answers,
    read_documents,
    read_kept_rows,
    read_objects,
    read_overloads,
)
from tests.app.database.upgrade.states import RULES, State, build, list_rows, list_states, load_rows
from tests.support.databases import new_database
from tests.support.recordings import excerpt
from workers.app import run_worker

Connection = psycopg.Connection[Any]

UNRULED = "0014"
"""Up to this revision an adopted database has no rules, or has them in another form: this version is told them anew."""


@dataclass(frozen=True)
class Contents:
    """What two databases with the same rows have in common."""

    objects: dict[str, str]
    overloads: dict[str, list[str]]
    documents: dict[str, set[tuple[object, ...]]]
    answers: dict[tuple[str, str | None, bool], list[object]]


@dataclass(frozen=True)
class Upgraded:
    """A state after its upgrade.

    Attributes:
        state: What it was.
        url: Of the upgraded database.
        connection: To it.
        before: The rows of each table before the upgrade.
        found: What is in it now.
        wanted: What is in a database that this version has made, with the same rows.
    """

    state: State
    url: str
    connection: Connection
    before: dict[str, list[dict[str, Any]]]
    found: Contents
    wanted: Contents


@pytest.fixture(scope="module")
def wanted(server: EmbeddedPostgres, providers: Providers) -> Iterator[Callable[[State], Contents]]:
    """Reads the contents of databases that this version has made, once for states with the same rows."""
    known: dict[tuple[object, ...], Contents] = {}
    with new_database(server) as own, new_database(server) as adopted:
        templates = {}
        for url, is_adopted in ((own, False), (adopted, True)):
            build(url, providers.embedding.card, adopted=is_adopted)
            templates[is_adopted] = str(psycopg.conninfo.conninfo_to_dict(url)["dbname"])

        def read(state: State) -> Contents:
            rows = tuple(list_rows(state))
            if rows not in known:
                with new_database(server, templates[state.adopted]) as url:
                    load_rows(url, rows)
                    with connect(url) as connection:
                        known[rows] = read_contents(connection)
            return known[rows]

        yield read


@pytest.fixture(scope="module", params=list_states(), ids=lambda state: state.name)
def upgraded(
    request: pytest.FixtureRequest,
    server: EmbeddedPostgres,
    wanted: Callable[[State], Contents],
    providers: Providers,
) -> Iterator[Upgraded]:
    """Every state, upgraded."""
    state: State = request.param
    with new_database(server) as url:
        state.restore(url)
        with connect(url) as connection:
            before = read_kept_rows(connection)
        upgrade(state, url, providers)
        with connect(url) as connection:
            connection.autocommit = True
            yield Upgraded(state, url, connection, before, read_contents(connection), wanted(state))


def upgrade(state: State, url: str, providers: Providers) -> None:
    """As the how-to says, with the rules where they have to be told anew."""
    if state.adopted and state.revision <= UNRULED:
        adopt(url, providers.embedding.card, rules=load_rules(RULES))
    else:
        migrate(url, providers.embedding.card)


def read_contents(connection: Connection) -> Contents:
    connection.autocommit = True
    return Contents(
        read_objects(connection), read_overloads(connection), read_documents(connection), read_answers(connection)
    )


def test_it_is_ready_and_nothing_is_left_to_do(upgraded: Upgraded, providers: Providers) -> None:
    assert inspect_schema(upgraded.connection).missing == []
    assert migrate(upgraded.url, providers.embedding.card) == []


def test_its_schema_is_that_of_a_new_one(upgraded: Upgraded) -> None:
    assert len(upgraded.wanted.objects) > 500
    found, wanted = upgraded.found.objects, upgraded.wanted.objects
    names = sorted(found.keys() | wanted.keys())
    assert {n: (found.get(n), wanted.get(n)) for n in names if found.get(n) != wanted.get(n)} == {}


def test_no_overload_is_left_behind(upgraded: Upgraded) -> None:
    assert upgraded.found.overloads == upgraded.wanted.overloads


def test_its_names_are_indexed_as_in_a_new_one(upgraded: Upgraded) -> None:
    found, wanted = upgraded.found.documents, upgraded.wanted.documents
    assert all(len(rows) > 10 for rows in wanted.values())
    for name, rows in wanted.items():
        assert found[name] - rows == set(), name
        assert rows - found[name] == set(), name


def test_it_answers_as_a_new_one(upgraded: Upgraded) -> None:
    found, wanted = upgraded.found.answers, upgraded.wanted.answers
    assert sum(map(bool, wanted.values())) > len(wanted) / 2
    for query, rows in wanted.items():
        assert found[query] == rows, query


def test_its_rows_are_kept(upgraded: Upgraded) -> None:
    """Jobs, tokens, feature flags, vectors, and whatever else has a table."""
    after = read_kept_rows(upgraded.connection)
    for table, rows in upgraded.before.items():
        kept = after[table]
        for row in rows:
            # an upgrade may add columns and remove some
            shared = row.keys() & kept[0].keys() if kept else set()
            assert any(all(other[n] == row[n] for n in shared) for other in kept), (table, row)


def test_every_example_runs(upgraded: Upgraded) -> None:
    examples = upgraded.connection.execute("select example from search.help()").fetchall()
    assert len(examples) > 35
    for (example,) in examples:
        with upgraded.connection.transaction(force_rollback=True):
            upgraded.connection.execute(str(example).encode())


def test_a_sound_finds_the_tracks_that_have_a_vector(upgraded: Upgraded) -> None:
    near = (
        "select track_id from search.nearest_tracks((select embedding from search.track_embeddings where track_id = 1))"
    )
    found = {track for (track,) in upgraded.connection.execute(near).fetchall()}
    listed = {
        row["track_id"]
        for row in upgraded.before.get("embeddings", [])
        if row["listed"] and row["model_id"] == 1 and row["track_id"] != 1
    }
    assert listed <= found
    assert bool(listed) == (upgraded.state.revision > "0001")


@pytest.mark.parametrize("state", [State("0010"), State("0016"), State("adopted-0016")], ids=lambda state: state.name)
def test_a_function_of_a_former_signature_goes(state: State, empty_database: str, providers: Providers) -> None:
    """Beside the new one, calls of it would be ambiguous. What others made in the schema stays."""
    state.restore(empty_database)
    with connect(empty_database) as connection:
        connection.execute(
            "create function search.explain(q text, page integer default 1) returns bigint language sql return page"
        )
        connection.execute("create function search.own_report(q text) returns text language sql return q")
        # as where the functions are of a version before
        connection.execute("update search.schema_state set value = 'former' where key in ('repeatable', 'adopted')")
    upgrade(state, empty_database, providers)
    with connect(empty_database) as connection:
        assert connection.execute("select count(*) > 0 from search.explain('slow')").fetchone() == (True,)
        assert connection.execute("select search.own_report('mine')").fetchone() == ("mine",)


@pytest.mark.parametrize("state", [State("0002"), State("0009"), State("0016")], ids=lambda state: state.name)
def test_a_worker_runs_the_jobs_that_are_left(
    state: State, empty_database: str, providers: Providers, tmp_path: Path
) -> None:
    state.restore(empty_database)
    with excerpt("calm_acoustic_1").open("rb") as audio:
        file_id = providers.audio_store.put(audio, "opus").file_id
    with connect(empty_database) as connection:
        connection.execute("set local session_replication_role = replica")
        connection.execute("update public.tracks set file_id = %s, file_type = 'opus' where id = 12", [file_id])
        connection.execute(
            "delete from procrastinate_jobs where status <> 'todo' or task_name <> 'embed_track' "
            "or (args->>'track_id')::bigint <> 12 or args->>'model' = 'second-8d'"
        )
        jobs = connection.execute(
            "update procrastinate_jobs set args = args || jsonb_build_object('file_id', %s::text) returning id",
            [file_id],
        ).fetchall()
    assert len(jobs) == 1
    upgrade(state, empty_database, providers)
    settings = Settings(_env_file=None, database_url=empty_database, data_dir=tmp_path)
    asyncio.run(run_worker(empty_database, settings, providers, wait=False))
    with connect(empty_database) as connection:
        done = connection.execute("select id from procrastinate_jobs where status = 'succeeded' and id = %s", jobs[0])
        assert done.fetchall() == jobs
        embedded = connection.execute("select file_id from search.track_embeddings where track_id = 12")
        assert embedded.fetchone() == (file_id,)
