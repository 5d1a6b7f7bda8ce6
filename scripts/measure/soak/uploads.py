"""What uploads take: many at once, one after the other, and until one is found by sound."""

import asyncio
import io
import statistics
import time
import wave

import httpx2
import numpy as np
from sqlalchemy import text

from app.auth import Scope, create_token
from app.database import Database
from app.measure.sample import recordings_dir
from app.measure.speed.figures import Figures
from app.measure.speed.served import running_server
from app.measure.speed.stages import Stages
from app.providers import build_providers
from app.settings import Settings
from workers.app import run_worker

_LARGE_BYTES = 5_000_000
_SEARCHED = 15
_TIMEOUT_SECONDS = 60.0


async def measure_uploads(settings: Settings, number: int, stages: Stages) -> dict[str, float | int]:
    """Upload files of 5 MB to a server in a process of its own, then real recordings with an idle worker.

    Args:
        settings: Database and store of the server.
        number: Uploads at once, and as many one after the other.
        stages: Shows progress.
    """
    token = await _make_token(settings)
    environment = {"DATA_DIR": str(settings.data_dir)}
    with running_server(str(settings.database_url), stages, environment) as served:
        address = f"http://127.0.0.1:{served.client.port}"
        headers = {"authorization": f"Bearer {token}"}
        async with httpx2.AsyncClient(base_url=address, headers=headers, timeout=_TIMEOUT_SECONDS) as client:
            with stages.stage("uploading one after the other", number) as advance:
                alone = []
                for count in range(number):
                    alone.append(await _upload(client, f"Alone {count}", _noise(count)))
                    advance(1)
            with stages.stage("uploading at once", number):
                files = [_noise(1000 + count) for count in range(number)]
                together = await asyncio.gather(
                    *(_upload(client, f"Together {count}", file) for count, file in enumerate(files))
                )
            await _forget_jobs(settings)
            with stages.stage("waiting to be found by sound", _SEARCHED) as advance:
                latency = await _until_searchable(client, settings, advance)
    one, many = Figures.of(alone), Figures.of(list(together))
    return {
        "upload of 5 MB, ms, p50": one.p50,
        "upload of 5 MB, ms, p95": one.p95,
        f"{number} uploads of 5 MB at once, ms, p50": many.p50,
        f"{number} uploads of 5 MB at once, ms, p95": many.p95,
        "from upload to found by sound, idle worker, ms, median": statistics.median(latency),
        "from upload to found by sound, idle worker, ms, worst": max(latency),
    }


async def _make_token(settings: Settings) -> str:
    artist = "insert into artists (did, handle, display_name) values ('did:uploads', 'uploads.example', 'Uploads')"
    async with Database.open(str(settings.database_url), pool_size=1) as database:
        await database.execute(text(artist))
        return (await create_token(database, "did:uploads", [Scope.UPLOAD])).token


async def _forget_jobs(settings: Settings) -> None:
    """The noise need not be embedded: its tracks go, and their jobs find nothing to do."""
    async with Database.open(str(settings.database_url), pool_size=1) as database:
        await database.execute(text("delete from tracks"))


async def _upload(client: httpx2.AsyncClient, title: str, content: bytes) -> float:
    """Milliseconds until the answer.

    Raises:
        RuntimeError: It is not 201.
    """
    started = time.perf_counter()
    answer = await client.post("/tracks", data={"title": title}, files={"audio": ("a", content)})
    if answer.status_code != httpx2.codes.CREATED:
        raise RuntimeError(f"an upload was answered with {answer.status_code}: {answer.text[:200]}")
    return (time.perf_counter() - started) * 1000


async def _until_searchable(client: httpx2.AsyncClient, settings: Settings, advance: object) -> list[float]:
    """Milliseconds from the answer to an upload until its embedding is committed, with a worker that waits for jobs."""
    working = asyncio.create_task(run_worker(str(settings.database_url), settings, build_providers(settings)))
    times = []
    try:
        for number, path in enumerate(sorted(recordings_dir().rglob("*.opus"))[: _SEARCHED + 1]):
            answer = await client.post(
                "/tracks", data={"title": path.stem}, files={"audio": (path.name, path.read_bytes())}
            )
            started = time.perf_counter()
            track = answer.json()["id"]
            while True:
                tasks = (await client.get(f"/tracks/{track}")).json()["processing"]["tasks"]
                if {task["state"] for task in tasks if task["task"] == "embed_track"} == {"done"}:
                    break
                await asyncio.sleep(0.01)
            # the first one loads the model
            if number:
                times.append((time.perf_counter() - started) * 1000)
                advance(1)  # type: ignore[operator]  # of Stages
    finally:
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
    return times


def _noise(seed: int) -> bytes:
    """A WAVE file of 5 MB; every seed gives another."""
    samples = np.random.default_rng(seed).integers(-9999, 9999, _LARGE_BYTES // 2, np.int16)
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(2)
        sound.setsampwidth(2)
        sound.setframerate(44_100)
        sound.writeframes(samples.tobytes())
    return file.getvalue()
