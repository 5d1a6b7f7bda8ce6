"""Measure the mirror on a synthetic catalogue: filling, telling changes, comparing, and what it costs who writes.

turbopuffer is stood in for by a server of its API in another process, which keeps everything in its memory and writes
nothing to a disk: what is measured is this side, and how much one connection carries.

Example:
    python -m scripts.measure.mirror --tracks 100000
"""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated, Any, cast

import numpy as np
import psycopg
import typer
from numpy.typing import NDArray
from pgvector import HalfVector
from psycopg.sql import SQL
from rich.console import Console
from sqlalchemy import text

from app.cli.version import AsJson
from app.database import Database, connect, load_statement
from app.measure.speed.build import Built, Wanted, prepare
from app.measure.speed.figures import Figures
from app.measure.speed.server import open_server
from app.measure.speed.sizes import Sizes
from app.mirror import MirrorSync, begin_rebuild, compare, count_tracks, follow, read_namespaces, retire_all
from app.settings import get_settings
from services.vector_mirror import Document, Removal, VectorMirror
from services.vector_mirror.turbopuffer import TurbopufferMirror

_CHOSEN = "in (select id from tracks order by md5(id::text) limit :most)"
_RETITLE = f"update tracks set title = title || ' ' where id {_CHOSEN}"  # noqa: S608 - constants, as below
_EMBED = (
    "update search.embeddings set embedding = l2_normalize(search.embeddings.embedding + n.embedding) "  # noqa: S608
    f"from (select embedding from search.embeddings limit 1) as n where track_id {_CHOSEN}"
)
CHANGES = {"retitled": (10_000, _RETITLE), "embedded anew": (2_000, _EMBED)}
"""What is done to how many tracks at once, to time how fast the mirror is told."""

BLOCKS = 25
UPSERTS_PER_BLOCK = 60
WARM_UP = 10
SEARCHES = 300
DELAYS = 30

_SHOW = text("update tracks set visibility = :visibility where id = :track_id")
_NEAREST = text("select track_id from search.nearest_tracks(cast(:vector as halfvec), null, 140)")
_SEARCH = text(
    "select * from search.unified('zzyzx', cast(:vector as halfvec), candidates => cast(:candidates as bigint[]))"
)


def main(
    tracks: Annotated[int, typer.Option(min=2_000, help="Size of the catalogue.")] = 100_000,
    as_json: AsJson = False,
) -> None:
    """Build or find the benchmark's catalogue of 512-dimensional vectors, mirror it, and print what it took.

    Example: python -m scripts.measure.mirror --tracks 100000 --json
    """
    console = Console(stderr=True)
    with open_server(get_settings()) as server, _standing_in() as (url, key):
        built = prepare(server, Wanted(Sizes(tracks)), console)
        store = TurbopufferMirror(key, region="api", base_url=url)
        figures = asyncio.run(_measure(built, store, console))
        console.print("timing writes")
        figures |= _measure_upserts(built)
        asyncio.run(_clear(built, store))
    typer.echo(json.dumps(figures, indent=2) if as_json else "\n".join(f"{k:40} {v}" for k, v in figures.items()))


@contextmanager
def _standing_in() -> Iterator[tuple[str, str]]:
    """Address and key of a server of turbopuffer's API in a process of its own."""
    command = [sys.executable, "-m", "app.measure.turbopuffer_server"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 - our own
        if process.stdout is None or process.stdin is None:
            raise RuntimeError("the server has no pipes")
        url, key = process.stdout.readline().split()
        yield url, key
        process.stdin.close()
        process.wait()


async def _measure(built: Built, store: VectorMirror, console: Console) -> dict[str, Any]:
    async with Database.open(built.url) as database:
        try:
            return await _measure_with(built, database, store, console)
        finally:
            await store.close()


async def _measure_with(built: Built, database: Database, store: VectorMirror, console: Console) -> dict[str, Any]:
    total = await count_tracks(database)
    sync = MirrorSync(database, store, "measured")
    await retire_all(database)
    await _drain(sync)

    async def rebuild() -> None:
        await begin_rebuild(database, "measured")
        await _drain(sync)

    figures: dict[str, Any] = {"tracks": total}
    console.print("filling")
    seconds = await _timed(rebuild)
    figures["filled and compared, tracks/s"] = round(total / seconds)
    figures["filled and compared, s"] = round(seconds, 1)
    name = next(found.name for found in await read_namespaces(database) if found.state == "serving")
    console.print("comparing")
    seconds = await _timed(lambda: compare(database, store, name))
    figures["compared, documents/s"] = round(total / seconds)
    for what, (number, statement) in CHANGES.items():
        console.print(what)
        await database.execute(text(statement), {"most": number})
        seconds = await _timed(lambda: _drain(sync))
        figures[f"told, {what}, tracks/s"] = round(number / seconds)
    console.print("following")
    figures["a change is there after, ms"] = await _measure_delay(database, store, sync, name)
    return figures | await _measure_searches(built, database)


async def _clear(built: Built, store: VectorMirror) -> None:
    async with Database.open(built.url) as database:
        await retire_all(database)
        await _drain(MirrorSync(database, store, "measured"))
        await database.execute(text("update tracks set title = rtrim(title) where title <> rtrim(title)"))
        await store.close()


async def _drain(sync: MirrorSync) -> None:
    while not await sync.run():  # noqa: ASYNC110 - another process holds the lock
        await asyncio.sleep(0.1)


async def _timed(work: Callable[[], Awaitable[object]]) -> float:
    began = time.perf_counter()
    await work()
    return time.perf_counter() - began


async def _measure_delay(database: Database, store: VectorMirror, sync: MirrorSync, namespace: str) -> str:
    """From the commit that hides or shows a track until the mirror has it so, with a worker that follows."""
    following = asyncio.create_task(follow(sync))
    times = []
    tracks = await database.all(text("select id from tracks where visibility = 'public' limit :most"), {"most": DELAYS})
    for (track,) in tracks:
        for visibility, kind in (("unlisted", Removal), ("public", Document)):
            await database.execute(_SHOW, {"visibility": visibility, "track_id": track})
            began = time.perf_counter()
            while not isinstance((await store.find(namespace, [track]))[0], kind):  # noqa: ASYNC110 - another process changes
                await asyncio.sleep(0.005)
            times.append((time.perf_counter() - began) * 1000)
    following.cancel()
    await asyncio.gather(following, return_exceptions=True)
    return _brief(times)


async def _measure_searches(built: Built, database: Database) -> dict[str, Any]:
    """The statement with its own candidates and with a mirror's, in turn, on texts that name nothing."""
    vectors = [HalfVector(vector).to_text() for vector in built.space.descriptions(SEARCHES)]
    times: dict[str, list[float]] = {"by the index": [], "with candidates": []}
    async with database.connection() as connection:
        for vector in vectors:
            near = await connection.all(_NEAREST, {"vector": vector})
            candidates = [track_id for (track_id,) in near]
            for name, offered in (("by the index", None), ("with candidates", candidates)):
                began = time.perf_counter()
                await connection.all(_SEARCH, {"vector": vector, "candidates": offered})
                times[name].append((time.perf_counter() - began) * 1000)
    return {f"search {name}, ms": _brief(values) for name, values in times.items()}


def _measure_upserts(built: Built) -> dict[str, Any]:
    """The statement that stores an embedding, with the mirror's triggers and without, in turn; rolled back."""
    times: dict[str, list[float]] = {"with": [], "without": []}
    random = np.random.default_rng(1)
    with connect(built.url) as connection:
        connection.execute("set constraints all deferred")
        # a namespace in use: otherwise the triggers look and note nothing
        connection.execute(
            "insert into search.mirror_namespaces (name, model_id) select 'timed', id from search.models where serving"
        )
        identity = connection.execute("select identity from search.models where serving").fetchone()
        ids: list[int] = [
            cast("int", row[0])
            for row in connection.execute(
                "select id from tracks where search.is_listed(visibility) order by random() limit %s",
                [2 * BLOCKS * (WARM_UP + UPSERTS_PER_BLOCK)],
            ).fetchall()
        ]
        remaining = iter(ids)
        for block in range(2 * BLOCKS):
            name = "with" if block % 2 == 0 else "without"
            _switch_triggers(connection, fire=name == "with")
            for number in range(WARM_UP + UPSERTS_PER_BLOCK):
                vector = built.space.recordings(int(random.integers(1 << 30)), 1)[0]
                milliseconds = _upsert(connection, next(remaining), vector, str(identity[0]) if identity else "")
                if number >= WARM_UP:
                    times[name].append(milliseconds)
        connection.rollback()
    with_, without = (Figures.of(times[name]) for name in ("with", "without"))
    return {
        "upsert with the triggers, ms": _brief(times["with"]),
        "upsert without, ms": _brief(times["without"]),
        "added at the median": f"{with_.p50 - without.p50:.3f} ms, {with_.p50 / without.p50 - 1:.1%}",
    }


def _upsert(connection: psycopg.Connection[Any], track: int, vector: NDArray[np.float32], identity: str) -> float:
    file_id = connection.execute("select file_id from tracks where id = %s", [track]).fetchone()
    parameters = {
        "track_id": track,
        "file_id": file_id[0] if file_id else "",
        "embedding": HalfVector(vector).to_text(),
        "identity": identity,
    }
    began = time.perf_counter()
    connection.execute(load_statement("store_embedding"), parameters)
    return (time.perf_counter() - began) * 1000


def _switch_triggers(connection: psycopg.Connection[Any], *, fire: bool) -> None:
    for trigger in ("mirror_insert", "mirror_update", "mirror_delete"):
        action = SQL("enable" if fire else "disable")
        connection.execute(SQL("alter table search.embeddings {} trigger {}").format(action, SQL(trigger)))


def _brief(milliseconds: Sequence[float]) -> str:
    found = Figures.of(milliseconds)
    return f"p50 {found.p50:.2f}, p95 {found.p95:.2f}, p99 {found.p99:.2f}"


if __name__ == "__main__":
    typer.run(main)
