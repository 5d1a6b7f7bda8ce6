"""Building the benchmark's database once, and finding it again."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg.errors import InsufficientPrivilege, OutOfMemory, UndefinedTable
from psycopg.sql import SQL, Identifier
from psycopg.types.json import Jsonb
from rich.console import Console

from app.database import Database, connect, load_query, migrate
from app.errors import UserError
from app.measure.speed.catalogue import fill_names, fill_vectors
from app.measure.speed.model import SyntheticEmbedding
from app.measure.speed.sizes import Sizes
from app.measure.speed.stages import Stages
from app.measure.speed.vectors import SEED, VectorSpace
from app.processing.calibration import calibrate
from models.card import ModelCard
from services.embedding import TextEmbedding

Connection = psycopg.Connection[Any]

GENERATOR = 1
"""Raised when the same sizes would give another catalogue, so that an older one is built anew."""


@dataclass(frozen=True)
class Wanted:
    """A catalogue to be built.

    Attributes:
        sizes: Of the catalogue.
        provider: Of a model whose vectors it shall have; None: of the benchmark's own.
        suffix: Of the database's name.
        vectors: Whether its tracks have vectors; without them it is built in a third of the time.
    """

    sizes: Sizes
    provider: TextEmbedding | None = None
    suffix: str = ""
    vectors: bool = True

    @property
    def embedding(self) -> TextEmbedding:
        """Of the model that serves."""
        return self.provider or SyntheticEmbedding(self.sizes)

    @property
    def model(self) -> ModelCard:
        """The model that serves."""
        return self.embedding.card

    @property
    def name(self) -> str:
        """Of the database."""
        return f"vibe_search_bench_{self.sizes.tracks}{self.suffix}"


@dataclass(frozen=True)
class Built:
    """A benchmark's database.

    Attributes:
        url: Of the database.
        name: Its name.
        sizes: Of its catalogue.
        model: Whose vectors it has.
        seconds: How long each stage of building it took, in their order.
    """

    url: str
    name: str
    sizes: Sizes
    model: ModelCard
    seconds: dict[str, float]

    @property
    def space(self) -> VectorSpace:
        """Where its vectors come from."""
        return VectorSpace(self.sizes, self.model.dimensions, seed=SEED)


def prepare(server_url: str, wanted: Wanted, console: Console, *, rebuild: bool = False) -> Built:
    """The database of these sizes: built when it is not there, brought up to this version's schema when it is.

    Args:
        server_url: Of any database of the server.
        wanted: The catalogue.
        console: Where progress is shown.
        rebuild: Whether to drop it first.

    Raises:
        UserError: The role may not create databases or load past triggers.
    """
    name = wanted.name
    url = urlunsplit(urlsplit(server_url)._replace(path=f"/{name}"))
    with _explained():
        seconds = None if rebuild else _kept_seconds(server_url, url, wanted)
        if seconds is None:
            _create(server_url, name)
            seconds = _build(url, wanted, console)
        else:
            _update(url, wanted, console)
    return Built(url, name, wanted.sizes, wanted.model, seconds)


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except InsufficientPrivilege as error:
        raise UserError(
            f"the role of DATABASE_URL may not build the benchmark's database: {str(error).partition(chr(10))[0]}. "
            "Use a superuser, or unset DATABASE_URL for an embedded Postgres"
        ) from error


def _kept_seconds(server_url: str, url: str, wanted: Wanted) -> dict[str, float] | None:
    """What building took, when the database is there, complete, of this generator and of this model."""
    with connect(server_url) as server:
        if server.execute("select from pg_database where datname = %s", [wanted.name]).fetchone() is None:
            return None
    with connect(url) as connection:
        try:
            row = connection.execute("select value from benchmark.state where key = 'built'").fetchone()
        except UndefinedTable:
            return None
    if row is None:
        return None
    state = cast("dict[str, Any]", row[0])
    same = state["generator"] == GENERATOR and state.get("model") == wanted.model.identity
    return dict(state["seconds"]) if same else None


def _create(server_url: str, name: str) -> None:
    with connect(server_url) as server:
        server.autocommit = True
        server.execute(SQL("drop database if exists {} with (force)").format(Identifier(name)))
        server.execute(
            SQL("create database {} template template0 encoding 'UTF8' locale 'C.UTF-8'").format(Identifier(name))
        )


def _build(url: str, wanted: Wanted, console: Console) -> dict[str, float]:
    stages, sizes, model = Stages(console), wanted.sizes, wanted.model
    with stages.stage("schema"):
        migrate(url, model)
    with connect(url) as connection:
        connection.execute(str(load_query("benchmark_schema")).encode())
        connection.execute("set session_replication_role = replica")
        fill_names(connection, sizes, stages)
        indexes = _drop_vector_indexes(connection)
        if wanted.vectors:
            space = VectorSpace(sizes, model.dimensions, seed=SEED)
            fill_vectors(connection, sizes, space, _model_id(connection), stages)
        connection.execute(str(load_query("benchmark_after_load")).encode())
        connection.commit()
        connection.execute("set session_replication_role = origin")
        with stages.stage("documents"):
            connection.execute("select search.rebuild_documents()")
            connection.commit()
        with stages.stage("vector index"):
            _create_indexes(connection, indexes)
        _vacuum(connection, stages)
        _calibrate(url, wanted, stages)
        # as a list, for jsonb sorts by name
        state = {"generator": GENERATOR, "model": model.identity, "seconds": list(stages.seconds.items())}
        connection.execute("insert into benchmark.state values ('built', %s)", [Jsonb(state)])
    return stages.seconds


def _update(url: str, wanted: Wanted, console: Console) -> None:
    stages = Stages(console)
    with stages.stage("bringing the schema up to date"):
        steps = migrate(url, wanted.model)
    if steps:
        with connect(url) as connection:
            _vacuum(connection, stages)
    _calibrate(url, wanted, stages)


def _calibrate(url: str, wanted: Wanted, stages: Stages) -> None:
    """What a worker does every minute where it is due."""

    async def run() -> None:
        async with Database.open(url, pool_size=1) as database:
            await calibrate(database, wanted.embedding)

    with stages.stage("calibration"):
        asyncio.run(run())


def _vacuum(connection: Connection, stages: Stages) -> None:
    connection.commit()
    connection.autocommit = True
    with stages.stage("vacuum analyze"):
        connection.execute("vacuum analyze")
        connection.execute("checkpoint")  # else stopping the server would take long, and so would the first queries


def _model_id(connection: Connection) -> int:
    row = connection.execute("select id from search.models where serving").fetchone()
    return int(row[0]) if row else 0


def _drop_vector_indexes(connection: Connection) -> list[str]:
    """Statements that make them again: a graph is built several times faster over rows that are there already."""
    found = connection.execute(str(load_query("benchmark_vector_indexes")).encode()).fetchall()
    for name, _ in found:
        connection.execute(SQL("drop index search.{}").format(Identifier(name)))
    return [str(definition) for _, definition in found]


def _create_indexes(connection: Connection, definitions: list[str]) -> None:
    for definition in definitions:
        try:
            with connection.transaction():
                connection.execute(definition.encode())
        except (OutOfMemory, psycopg.errors.DiskFull):
            # the shared memory of parallel workers may be small, in containers above all
            with connection.transaction():
                connection.execute("set local max_parallel_maintenance_workers = 0")
                connection.execute(definition.encode())
