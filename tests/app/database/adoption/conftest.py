"""A catalogue as an application has it, whose role knows nothing of search."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.sql import SQL, Identifier

from app.database import adopt, load_rules
from app.providers import Providers
from app.settings import Settings

Connection = psycopg.Connection[Any]

SCHEMA = (Path(__file__).parents[4] / "app" / "measure" / "sample" / "existing_catalogue.sql").read_text(
    encoding="utf-8"
)
ROWS = Path(__file__).with_name("existing_rows.sql").read_text(encoding="utf-8")
APPLICATION = "streaming_app"


@pytest.fixture
def existing(empty_database: str) -> Iterator[str]:
    """URL of a database with the application's tables and rows, as whoever owns them."""
    with psycopg.connect(empty_database, autocommit=True) as connection:
        connection.execute(SCHEMA.encode())
        connection.execute(ROWS.encode())
        role = Identifier(APPLICATION)
        connection.execute(SQL("create role {} login").format(role))
        connection.execute(
            SQL("grant select, insert, update, delete on all tables in schema public to {}").format(role)
        )
        connection.execute(SQL("grant usage on all sequences in schema public to {}").format(role))
    yield empty_database
    with psycopg.connect(empty_database, autocommit=True) as connection:
        connection.execute(SQL("drop owned by {}").format(role))
        connection.execute(SQL("drop role {}").format(role))


@pytest.fixture
def adopted(existing: str, providers: Providers) -> str:
    """The same, adopted."""
    adopt(existing, providers.embedding.card, rules=load_rules("plyr.fm"))
    return existing


@pytest.fixture
def owner(existing: str) -> Iterator[Connection]:
    """An autocommitting connection of the owner, as psql makes one."""
    with psycopg.connect(existing, autocommit=True) as connection:
        yield connection


@pytest.fixture
def application(existing: str) -> Iterator[Connection]:
    """An autocommitting connection of the application."""
    with psycopg.connect(existing, autocommit=True, user=APPLICATION) as connection:
        yield connection


@pytest.fixture
def database(adopted: str) -> str:
    """What the tests of everything else are given: here it is an adopted one."""
    return adopted


@pytest.fixture
def settings(tmp_path: Path, adopted: str) -> Settings:
    """Settings for the adopted database."""
    return Settings(
        _env_file=None,
        database_url=adopted,
        data_dir=tmp_path,
        semantic_deadline_seconds=30.0,
        recommended_tags_wait_seconds=0.0,
    )
