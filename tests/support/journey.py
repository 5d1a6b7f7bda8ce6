"""What a search has to do on any Postgres: from an upload to a switch of the model, by the ways that users take."""

import asyncio
import json
import os
from pathlib import Path
from subprocess import CompletedProcess

import httpx2

from app.auth import Scope, create_token
from app.database import Database, connect
from app.providers import Providers, build_providers
from app.settings import Settings
from tests.app.conftest import open_client
from tests.support.command import run_command
from tests.support.installed_clap import FIRST
from tests.support.recordings import excerpt
from workers.app import run_worker

ARTIST = "did:plc:bert"


def command(url: str, folder: Path, *arguments: str, **more: str) -> CompletedProcess[str]:
    """Run `vibe-search` on a database.

    Args:
        url: Of the database.
        folder: For audio and models.
        arguments: What follows the program's name.
        more: Further variables of the environment.
    """
    given = {"DATABASE_URL": url, "DATA_DIR": str(folder), "COLUMNS": "200", "SEMANTIC_DEADLINE_SECONDS": "30"}
    return run_command(*arguments, environment=os.environ | given | more)


def done(finished: CompletedProcess[str]) -> str:
    """What a command has printed; it has succeeded."""
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return finished.stdout


def go_all_the_way(owner: str, application: str, folder: Path, clap_models: Path) -> None:
    """Upload, work, search by name and sound as the application, then switch the model as the owner.

    Args:
        owner: URL of a migrated or adopted database for its owner.
        application: URL of the same for the role that serves and works.
        folder: For audio.
        clap_models: A folder with a second model.
    """
    settings = Settings(
        _env_file=None,
        database_url=application,
        data_dir=folder,
        semantic_deadline_seconds=60.0,
        search_statement_timeout_seconds=60.0,
        statement_timeout_seconds=60.0,
        write_lock_timeout_seconds=60.0,
    )
    track = asyncio.run(_upload_and_search(settings, build_providers(settings)))
    # an application's tracks may be there, whose audio is not
    use = ("models", "use", FIRST, "--work", "--coverage", "0.1")
    switched = command(owner, folder, *use, MODELS_DIR=str(clap_models))
    assert "serves" in done(switched)
    found = command(application, folder, "search", f"like:{track}", "--json", MODELS_DIR=str(clap_models))
    assert json.loads(done(found))["available"] is True
    with connect(owner) as connection:
        vectors = connection.execute(
            "select count(distinct model_id) from search.embeddings where track_id = %s", [track]
        ).fetchone()
        assert vectors == (2,)
    assert "serves" in done(command(owner, folder, "models", "use", "--back", MODELS_DIR=str(clap_models)))


async def _upload_and_search(settings: Settings, providers: Providers) -> int:
    url = str(settings.database_url)
    async with Database.open(url, pool_size=1) as opened:
        token = await create_token(opened, ARTIST, [Scope.UPLOAD])
    async with open_client(settings, providers) as client:
        client.headers["authorization"] = f"Bearer {token.token}"
        assert (await client.get("/readyz")).status_code == 200
        audio = {"audio": ("a.opus", excerpt("calm_acoustic_1").read_bytes())}
        created = await client.post("/tracks", data={"title": "Hárbour Lamp", "tags": ["Tape"]}, files=audio)
        assert created.status_code == 201, created.text
        track = int(created.json()["id"])
        await run_worker(url, settings, providers, wait=False)
        shown = (await client.get(f"/tracks/{track}")).json()
        assert shown["processing"]["state"] == "done", shown
        # exact, accents, a typo, and the beginning of a word
        for typed in ("hárbour lamp", "harbour lamp", "harbuor lamp", "harb"):
            assert track in await _tracks(client, "/search/", typed), typed
        assert track in await _tracks(client, "/search/semantic", "calm acoustic guitar")
        assert (await client.get(f"/tracks/{track}/similar")).json()["available"]
        changed = await client.patch(f"/tracks/{track}", json={"title": "Quay Lantern"})
        assert changed.status_code == 200, changed.text
        assert track in await _tracks(client, "/search/", "quay lantern")
        assert track not in await _tracks(client, "/search/", "harbour lamp")
        return track


async def _tracks(client: httpx2.AsyncClient, path: str, typed: str) -> list[int]:
    answer = (await client.get(path, params={"q": typed})).json()
    # with few tracks a search by name does not list results by sound, and says so
    assert path == "/search/" or answer["available"], answer
    return [int(found["id"]) for found in answer["results"] if found.get("type", "track") == "track"]
