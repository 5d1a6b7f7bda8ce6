"""Everything that matters on Debian's own PostgreSQL, with the pgvector of a Debian release."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from app.database import ROLES, adopt, connect, grant_roles, load_rules, migrate
from app.providers import Providers
from tests.app.database.adoption.conftest import ROWS, SCHEMA
from tests.sql.test_queries import QUERIES, UNPLANNED, statement_of
from tests.support.debian_postgres import DebianPostgres, running_debian_postgres
from tests.support.journey import ARTIST, go_all_the_way
from tests.support.plain_owner import as_role, database_of_a_plain_owner


@pytest.fixture(scope="module")
def debian() -> Iterator[DebianPostgres]:
    """A cluster of this machine's PostgreSQL."""
    with running_debian_postgres() as running:
        yield running


def test_a_track_goes_all_the_way(
    debian: DebianPostgres, providers: Providers, clap_models: Path, tmp_path: Path
) -> None:
    with database_of_a_plain_owner(debian, roles=ROLES) as owned:
        url = owned.url
        assert len(migrate(url, providers.embedding.card)) >= 3
        assert migrate(url, providers.embedding.card) == []
        grant_roles(url, dict.fromkeys(ROLES, "secret"))
        with connect(url) as connection:
            connection.execute("insert into artists (did, handle, display_name) values (%s, 'bert', 'Bert')", [ARTIST])
        go_all_the_way(url, as_role(url, ROLES[0], "secret"), tmp_path, clap_models)


def test_an_adopted_catalogue_goes_all_the_way(
    debian: DebianPostgres, providers: Providers, clap_models: Path, tmp_path: Path
) -> None:
    with database_of_a_plain_owner(debian, roles=ROLES) as owned:
        url = owned.url
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(SCHEMA.encode())
            connection.execute(ROWS.encode())
        adopt(url, providers.embedding.card, rules=load_rules("plyr.fm"))
        grant_roles(url, dict.fromkeys(ROLES, "secret"))
        go_all_the_way(url, as_role(url, ROLES[0], "secret"), tmp_path, clap_models)


def test_every_statement_is_understood(debian: DebianPostgres, providers: Providers) -> None:
    """An older major version lacks functions and syntax of newer ones."""
    with database_of_a_plain_owner(debian, roles=ROLES) as owned:
        url = owned.url
        migrate(url, providers.embedding.card)
        with connect(url) as connection:
            for name in sorted(QUERIES.keys() - UNPLANNED.keys()):
                connection.execute(f"prepare {name} as {statement_of(name)}".encode())
            prepared = connection.execute("select count(*) from pg_prepared_statements where from_sql").fetchone()
            assert prepared == (len(QUERIES) - len(UNPLANNED),)
