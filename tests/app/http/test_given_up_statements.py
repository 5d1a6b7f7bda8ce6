"""Statements that Postgres gives up: 503 with a time to try again, never a mistake of the server."""

import asyncio

import psycopg
import pytest

from app.providers import Providers
from app.settings import Settings
from tests.app.conftest import Get, open_client
from tests.support.catalogue import Catalogue, direction
from tests.support.statements import running, wait_until


@pytest.mark.parametrize("setting", ["statement_timeout", "lock_timeout"])
def test_a_statement_that_takes_too_long(database: str, catalogue: Catalogue, get: Get, setting: str) -> None:
    catalogue.track("Slow Tide")
    name = catalogue.connection.info.dbname
    catalogue.connection.execute(f"alter database {name} set {setting} = '200ms'".encode())
    with psycopg.connect(database) as holder:
        holder.execute("lock table tracks in access exclusive mode")
        answer = get("/search/", params={"q": "slow tide"})
        holder.rollback()
    assert answer.status_code == 503, answer.text
    assert answer.headers["retry-after"] == "2"
    assert answer.json()["detail"].endswith("try again in a few seconds")
    assert get("/search/", params={"q": "slow tide"}).json()["results"]


@pytest.mark.parametrize(
    ("path", "limit"),
    [
        ("/search/?q=slow+tide", "search_statement_timeout_seconds"),
        ("/search/semantic?q=slow+tide", "search_statement_timeout_seconds"),
        ("/tracks/{track}/similar", "search_statement_timeout_seconds"),
        ("/tracks/{track}", "statement_timeout_seconds"),
    ],
)
def test_a_statement_has_a_limit_of_its_own(
    database: str, catalogue: Catalogue, settings: Settings, providers: Providers, path: str, limit: str
) -> None:
    track = catalogue.track("Slow Tide")
    catalogue.embed(track, direction(0))

    async def steps() -> None:
        async with open_client(settings.model_copy(update={limit: 0.2}), providers) as client:
            with psycopg.connect(database, application_name="holder") as holder:
                holder.execute("lock table tracks in access exclusive mode")
                answer = await client.get(path.format(track=track))
                # the one that asks this is left
                await asyncio.to_thread(wait_until, lambda: running(catalogue.connection) == 1)
                holder.rollback()
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
            assert answer.json()["detail"] == "the database took too long and gave up: try again in a few seconds"

    asyncio.run(steps())


@pytest.mark.parametrize("state", ["deadlock_detected", "serialization_failure"])
def test_a_statement_that_another_change_was_in_the_way_of(catalogue: Catalogue, get: Get, state: str) -> None:
    catalogue.track("Slow Tide")
    catalogue.connection.execute(
        f"""create or replace function search.is_listed(visibility text) returns boolean language plpgsql as $$
        begin raise exception 'the other one' using errcode = '{state}'; end $$""".encode()
    )
    answer = get("/search/", params={"q": "slow tide"})
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
    assert "another change was in the way" in answer.json()["detail"]
    assert "the other one" not in answer.text


def test_any_other_error_is_a_mistake_of_the_server(catalogue: Catalogue, get: Get) -> None:
    catalogue.track("Slow Tide")
    catalogue.connection.execute(
        "create or replace function search.is_listed(visibility text) returns boolean language plpgsql as $$ "
        "begin raise exception 'a secret'; end $$"
    )
    answer = get("/search/", params={"q": "slow tide"})
    assert answer.status_code == 500
    assert "a secret" not in answer.text
