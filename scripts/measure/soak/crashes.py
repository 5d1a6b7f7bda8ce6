"""Real and broken tracks, while workers and Postgres are killed: each ends once, with its result or with a reason."""

import io
import random
import time
from itertools import chain
from typing import Any

import psycopg

from app.database import EmbeddedPostgres, connect, load_statement
from app.errors import DatabaseUnavailableError
from app.measure.sample.pieces import break_pieces, cut_pieces
from app.measure.speed.stages import Stages
from app.providers import build_providers
from app.settings import Settings
from scripts.measure.soak.worker import running_worker

_SECONDS_BETWEEN_DEATHS = (2.0, 8.0)
_LONGEST_SECONDS = 2400.0
_POLL_SECONDS = 0.5


def survive_crashes(  # noqa: PLR0913 - how much of what
    server: EmbeddedPostgres,
    settings: Settings,
    stages: Stages,
    *,
    tracks: int,
    broken: int,
    kills: tuple[int, int],
    seed: int,
) -> dict[str, float | int]:
    """Insert tracks, let a worker work on them, and kill it and the database meanwhile.

    Args:
        server: The database's server, which is killed.
        settings: Of the worker.
        stages: Shows progress.
        tracks: Real ones.
        broken: Broken ones.
        kills: How often the worker dies, and how often Postgres does.
        seed: Of the files and of the moments of death.

    Returns:
        What is right and wrong in the end, by what it is.
    """
    with stages.stage("making tracks", tracks + broken) as advance:
        ids = _insert(settings, tracks, broken, seed, advance)
    chance = random.Random(seed)  # noqa: S311 - decides when processes die
    deaths = ["worker"] * kills[0] + ["postgres"] * kills[1]
    chance.shuffle(deaths)
    started, peak = time.monotonic(), 0
    with stages.stage("working, and dying meanwhile", len(deaths)) as advance, running_worker(settings) as worker:
        for death in deaths:
            peak = max(peak, worker.memory_after(chance.uniform(*_SECONDS_BETWEEN_DEATHS)))
            if death == "worker":
                worker.kill()
            else:
                server.crash()
                server.revive()
            advance(1)
        while _unfinished(settings) and time.monotonic() - started < _LONGEST_SECONDS:
            peak = max(peak, worker.memory_after(_POLL_SECONDS))
    seconds = time.monotonic() - started
    return {
        "worker killed": kills[0],
        "Postgres killed": kills[1],
        "seconds": seconds,
        "memory of the worker and its decoders at most, MB": peak / 2**20,
    } | _look(settings, ids)


def _insert(settings: Settings, tracks: int, broken: int, seed: int, advance: Any) -> tuple[set[int], set[int]]:  # noqa: ANN401 - of Stages
    """Ids of the real tracks and of the broken ones; none passes the door of an upload, which would refuse most."""
    store = build_providers(settings).audio_store
    found: tuple[set[int], set[int]] = (set(), set())
    with connect(str(settings.database_url)) as connection:
        connection.execute(
            "insert into artists (did, handle, display_name) values ('did:soak', 'soak.example', 'Soak')"
        )
        real = ((piece, found[0]) for piece in cut_pieces(tracks, seed))
        bad = ((piece, found[1]) for piece in break_pieces(broken, seed))
        for piece, ids in chain(real, bad):
            stored = store.put(io.BytesIO(piece.content), piece.file_type)
            row = connection.execute(
                "insert into tracks (artist_did, title, file_id, file_type) "
                "values ('did:soak', %s, %s, %s) returning id",
                [piece.name, stored.file_id, piece.file_type],
            ).fetchone()
            ids.add(int(str(row[0] if row else 0)))
            advance(1)
        connection.commit()
    return found


def _unfinished(settings: Settings) -> int:
    try:
        with connect(str(settings.database_url)) as connection:
            row = connection.execute(load_statement("drain_progress")).fetchone()
            return int(str(row[0])) if row else 0
    except (DatabaseUnavailableError, psycopg.OperationalError):
        return 1


def _look(settings: Settings, ids: tuple[set[int], set[int]]) -> dict[str, float | int]:
    """What became of the tracks."""
    real, bad = ids
    with connect(str(settings.database_url)) as connection:
        rows: Any = connection.execute(load_statement("soak_outcome")).fetchall()
    outcome = {row[0]: row[1:] for row in rows}
    whole = {track for track, (vectors, classified, *_rest) in outcome.items() if vectors == 1 and classified}
    told = {track for track, (_v, _c, failures, *_rest) in outcome.items() if failures}
    return {
        "real tracks with one vector and one prediction of their file": len(real & whole),
        "broken files with a result": len(bad & whole),
        "broken files with a reason": len(bad & told - whole),
        "wrong: real tracks without a result": len(real - whole),
        "wrong: broken files with neither": len(bad - whole - told),
        "wrong: tracks with two vectors": sum(1 for vectors, *_rest in outcome.values() if vectors > 1),
        "wrong: jobs that never ended": sum(unfinished for *_rest, unfinished in outcome.values()),
    }
