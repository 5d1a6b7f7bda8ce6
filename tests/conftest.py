"""A real Postgres for every test that touches data: one server a test process, one cloned database a test."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest
from filelock import FileLock

from app.database import EmbeddedPostgres, connect_session, migrate
from app.providers import Providers, build_providers
from app.settings import Settings
from tests.support.catalogue import Catalogue
from tests.support.databases import new_database, running_server

if TYPE_CHECKING:
    from tests.support.mirrored import Mirrored


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:  # noqa: ARG001 - the hook's signature
    """One process more than there are cores: a test waits for another process a good part of its time."""
    # a container may use fewer than the machine has
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return cores + 1


@pytest.fixture(scope="session")
def server() -> Iterator[EmbeddedPostgres]:
    """The embedded server of this test process."""
    with running_server() as running:
        yield running


@pytest.fixture(scope="session")
def template(server: EmbeddedPostgres, providers: Providers) -> str:
    """Name of a database built by the real migrations, never written to again."""
    migrate(server.url, providers.embedding.card)
    return psycopg.conninfo.conninfo_to_dict(server.url)["dbname"]  # type: ignore[return-value]  # a libpq URL names one


@pytest.fixture(scope="session")
def providers(tmp_path_factory: pytest.TempPathFactory) -> Providers:
    """The default services, with an audio store of their own."""
    return build_providers(Settings(_env_file=None, data_dir=tmp_path_factory.mktemp("data")))


@pytest.fixture(scope="session")
def s3_server() -> Iterator[str]:
    """Address of a server of S3's protocol, which lets everybody in."""
    # seconds of imports, which only some tests need; so below
    from tests.support.loopback_bucket import serving_s3

    with serving_s3() as address:
        yield address


@pytest.fixture(scope="session")
def shared_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of all test processes of this run, for what is expensive to make."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


@pytest.fixture(scope="session")
def clap_models(shared_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of models with the two of tests.support.installed_clap; not to be written to."""
    from tests.support.installed_clap import install_both

    folder = shared_folder / "clap"
    with FileLock(f"{folder}.lock"):
        if not folder.exists():
            install_both(tmp_path_factory.mktemp("clap")).rename(folder)
    return folder


@pytest.fixture
def empty_database(server: EmbeddedPostgres) -> Iterator[str]:
    """URL of a database without any schema."""
    with new_database(server) as url:
        yield url


@pytest.fixture
def database(server: EmbeddedPostgres, template: str) -> Iterator[str]:
    """URL of a migrated database that belongs to one test."""
    with new_database(server, template) as url:
        yield url


@pytest.fixture
def connection(database: str) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    """An autocommitting connection to the test's database."""
    with connect_session(database) as opened:
        opened.autocommit = True
        yield opened


@pytest.fixture
def catalogue(connection: psycopg.Connection[tuple[object, ...]]) -> Catalogue:
    """Writes rows into the test's database."""
    return Catalogue(connection)


@pytest.fixture
def mirrored(database: str, catalogue: Catalogue) -> "Iterator[Mirrored]":
    """The test's database with a mirror at a server of turbopuffer's API."""
    from tests.support.mirrored import mirroring

    with mirroring(database, catalogue) as made:
        yield made


@pytest.fixture
def settings(tmp_path: Path, database: str) -> Settings:
    """Settings for the test's database, untouched by the environment's."""
    # on a busy machine even a quick model, or a quick statement, is late for the default
    return Settings(
        _env_file=None,
        database_url=database,
        data_dir=tmp_path,
        semantic_deadline_seconds=30.0,
        search_statement_timeout_seconds=60.0,
        statement_timeout_seconds=60.0,
        write_lock_timeout_seconds=60.0,
    )
