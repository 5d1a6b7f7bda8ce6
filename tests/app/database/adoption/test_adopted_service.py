"""The endpoints, the worker, the scripts and the commands on a catalogue that was adopted."""

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx2
import psycopg
import pytest
from psycopg.sql import SQL, Identifier

from app.auth import Scope, create_token
from app.database import ROLES, Database, connect, grant_roles
from app.providers import Providers
from app.settings import Settings
from services.audio_store import LocalAudioStore
from tests.app.conftest import open_client
from tests.app.database.adoption.conftest import Connection
from tests.support.command import run_command
from tests.support.recordings import excerpt
from workers.app import run_worker

BERT = "did:plc:bert"


def command(database: str, data_dir: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"DATABASE_URL": database, "DATA_DIR": str(data_dir), "COLUMNS": "120"}
    return run_command(*arguments, environment=environment)


async def with_token(url: str, did: str | None = BERT) -> str:
    async with Database.open(url, pool_size=1) as opened:
        return (await create_token(opened, did, [Scope.UPLOAD if did else Scope.ADMIN])).token


def run(settings: Settings, providers: Providers, steps: Any, *, did: str | None = BERT) -> Any:
    async def session() -> Any:
        token = await with_token(str(settings.database_url), did)
        async with open_client(settings, providers) as client:
            client.headers["authorization"] = f"Bearer {token}"
            return await steps(client)

    return asyncio.run(session())


async def upload(client: httpx2.AsyncClient, **fields: Any) -> httpx2.Response:
    audio = {"audio": ("a.opus", excerpt("calm_acoustic_1").read_bytes())}
    return await client.post("/tracks", data={"title": "Harbour Lamp"} | fields, files=audio)


@pytest.mark.parametrize("role", [None, "vibe_app"])
def test_a_track_goes_all_the_way(
    adopted: str, owner: Connection, providers: Providers, tmp_path: Path, role: str | None
) -> None:
    """From upload to deletion, as the owner and as the role for applications."""
    url = adopted
    if role is not None:
        grant_roles(adopted, dict.fromkeys(ROLES, "secret"))
        url = adopted.replace("postgres:@", f"{role}@", 1)
    settings = Settings(_env_file=None, database_url=url, data_dir=tmp_path, semantic_deadline_seconds=10.0)

    async def steps(client: httpx2.AsyncClient) -> None:
        created = await upload(client, album="Lanterns", tags=["Tape"], auto_tag="true")
        assert created.status_code == 201, created.text
        track = created.json()["id"]
        await run_worker(url, settings, providers, wait=False)
        done = (await client.get(f"/tracks/{track}")).json()
        assert (done["processing"]["state"], done["album_title"]) == ("done", "Lanterns")
        assert len(done["tags"]) > 1
        album = (await client.get("/search/?q=lanterns&types=album")).json()["results"][0]
        assert (album["title"], len(album["id"])) == ("Lanterns", 36)
        heard = (await client.get("/search/semantic", params={"q": "calm acoustic guitar"})).json()
        assert heard["available"]
        assert [result["id"] for result in heard["results"]] == [track]
        assert (await client.get(f"/tracks/{track}/similar")).json()["available"]
        changed = await client.patch(
            f"/tracks/{track}", json={"title": "Quay Lamp", "tags": ["drift"], "album": "Harbours"}
        )
        assert (changed.json()["title"], changed.json()["tags"]) == ("Quay Lamp", ["drift"])
        # what somebody else likes goes by a foreign key of theirs
        owner.execute("insert into track_likes (track_id, user_did, created_at) values (%s, 'x', now())", [track])
        assert (await client.delete(f"/tracks/{track}")).status_code == 204

    try:
        run(settings, providers, steps)
        made = owner.execute("select distinct created_by_did from tags where id > 2").fetchall()
        assert made == [(BERT,)]
        assert owner.execute("select count(*) from search.embeddings").fetchone() == (0,)
    finally:
        for name in ROLES if role else ():
            owner.execute(SQL("drop owned by {}").format(Identifier(name)))
            owner.execute(SQL("drop role {}").format(Identifier(name)))


def test_search_by_name_is_compared_with_the_predecessor(adopted: str, tmp_path: Path) -> None:
    """The playlists of this application have no visibility."""
    names = {"slow tide": "1", "vesper": "artist:did:plc:anna", "ambient": "tag:Ambient"}
    names["rainy"] = "playlist:7d1c0000-2222-4bbb-8ccc-000000000001"
    names["harbours"] = "album:0b0f6f5e-1111-4aaa-9bbb-000000000001"
    lines = "".join(f"{text},{label}\n" for text, label in names.items())
    (tmp_path / "names.csv").write_text(f"query,relevant\n{lines}", encoding="utf-8")
    finished = command(adopted, tmp_path, "evaluate", str(tmp_path / "names.csv"), "--by", "unified", "--json")
    assert finished.returncode == 0, finished.stderr
    (found,) = json.loads(finished.stdout)["evaluations"]
    assert len(found["queries"]) == len(names)
    assert [found[name]["success_at_5"] for name in ("vibe_search", "predecessor")] == [1, 1]


def test_what_was_there_is_processed_by_a_backfill(adopted: str, owner: Connection, tmp_path: Path) -> None:
    store = LocalAudioStore(tmp_path / "audio")
    with excerpt("calm_acoustic_1").open("rb") as recording:
        stored = store.put(recording, "opus")
    owner.execute("update tracks set file_id = %s, file_type = %s where id = 1", [stored.file_id, stored.file_type])
    owner.execute("delete from tracks where id > 1")
    owner.execute("""update tracks set extra = '{"auto_tag": true, "duration": 180}'""")
    owner.execute("truncate search.procrastinate_jobs cascade")
    for script in ("backfill_embeddings", "backfill_genres"):
        program = [sys.executable, f"scripts/{script}.py", "--inline"]
        environment = os.environ | {"DATABASE_URL": adopted, "DATA_DIR": str(tmp_path)}
        finished = subprocess.run(program, env=environment, capture_output=True, text=True, check=False)
        assert finished.returncode == 0, finished.stdout + finished.stderr
    extra: Any = owner.execute("select extra from tracks where id = 1").fetchone()
    assert extra[0]["duration"] == 180
    assert extra[0]["genre_predictions_file_id"] == stored.file_id
    assert set(extra[0]["genre_predictions"][0]) == {"name", "confidence"}
    assert "auto_tag" not in extra[0]
    with connect(adopted) as connection:
        assert connection.execute("select track_id from search.track_embeddings").fetchall() == [(1,)]
    audit = [sys.executable, "scripts/ml_audit.py", "--json"]
    environment = os.environ | {"DATABASE_URL": adopted, "DATA_DIR": str(tmp_path)}
    audited = subprocess.run(audit, env=environment, capture_output=True, text=True, check=False)
    assert audited.returncode == 0, audited.stdout


def test_what_they_call_otherwise_is_seen_by_its_artist_alone(settings: Settings, providers: Providers) -> None:
    async def look(client: httpx2.AsyncClient) -> list[int]:
        return [
            (await client.get(path)).status_code for path in ("/tracks/6", "/tracks/6/recommended-tags", "/tracks/4")
        ]

    assert run(settings, providers, look) == [200, 200, 200]
    assert run(settings, providers, look, did="did:plc:anna") == [404, 404, 200]


def test_what_they_do_not_take_is_said_in_words(settings: Settings, owner: Connection, providers: Providers) -> None:
    owner.execute("alter table tracks add column licence varchar not null default 'none'")
    owner.execute("alter table tracks alter column licence drop default")
    owner.execute("create table charts (track_id integer not null references tracks (id))")
    owner.execute("insert into charts values (3)")

    async def steps(client: httpx2.AsyncClient) -> list[tuple[int, str]]:
        answers = [await upload(client), await client.delete("/tracks/3")]
        return [(answer.status_code, answer.json()["detail"]) for answer in answers]

    uploaded, deleted = run(settings, providers, steps)
    assert uploaded[0] == deleted[0] == 409
    assert 'column "licence"' in uploaded[1]
    assert "Harbour Lamp" not in uploaded[1], "values are nobody else's"
    assert "charts" in deleted[1]
    assert owner.execute("select count(*) from tracks").fetchone() == (6,)


def test_the_command_tells_what_it_finds_and_does(existing: str, tmp_path: Path) -> None:
    script = command(existing, tmp_path, "db", "adopt", "--rules", "plyr.fm", "--dry-run")
    assert script.returncode == 0, script.stderr
    assert "-- triggers of tracks: locks tracks for a moment" in script.stdout
    assert 'create view "search"."tags" as' in script.stdout
    planned = json.loads(command(existing, tmp_path, "db", "adopt", "--rules", "plyr.fm", "--dry-run", "--json").stdout)
    assert planned["dry_run"]
    assert planned["sql"] == script.stdout
    assert planned["tables"]["playlist_tracks"] == ["table search.playlist_tracks"]
    refused = command(existing, tmp_path, "search", "slow tide")
    assert (refused.returncode, "run vibe-search db" in refused.stderr) == (2, True)

    done = command(existing, tmp_path, "db", "adopt", "--rules", "plyr.fm")
    assert done.returncode == 0, done.stderr
    assert "playlist_tracks" in done.stdout
    assert "note: there is no playlist_tracks" in done.stdout
    assert "vibe-search backfill embeddings" in done.stdout
    found = json.loads(command(existing, tmp_path, "search", "--json", "slow tide").stdout)
    assert found["results"][0]["details"]["title"] == "Slow Tide"
    again = command(existing, tmp_path, "db", "adopt", "--rules", "plyr.fm", "--json")
    assert json.loads(again.stdout)["steps"] == []


def test_the_command_refuses_in_words(existing: str, owner: Connection, tmp_path: Path) -> None:
    owner.execute("alter table tracks drop column visibility, drop column play_count")
    refused = command(existing, tmp_path, "db", "adopt", "--rules", "plyr.fm")
    assert refused.returncode == 2
    assert "add column visibility text" in refused.stderr
    assert "add column play_count bigint" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_the_embedded_database_is_not_for_adoption(tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"} | {
        "DATA_DIR": str(tmp_path)
    }
    refused = run_command("db", "adopt", "--rules", "plyr.fm", environment=environment)
    assert (refused.returncode, "set DATABASE_URL" in refused.stderr) == (2, True)


def test_tokens_are_for_artists_that_are_there(adopted: str, tmp_path: Path) -> None:
    made = command(adopted, tmp_path, "token", "create", "--did", "did:plc:anna", "--scope", "upload")
    assert made.returncode == 0, made.stderr
    new = ("token", "create", "--did", "did:plc:new", "--handle", "new.example", "--name", "New", "--scope", "read")
    assert command(adopted, tmp_path, *new).returncode == 0
    with psycopg.connect(adopted) as connection:
        row = connection.execute(
            "select display_name, updated_at is not null from artists where did = 'did:plc:new'"
        ).fetchone()
        assert row == ("New", True)
