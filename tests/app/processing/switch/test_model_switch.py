"""Another model takes over while searches go on."""

import asyncio
import io
import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
import pytest
from pgvector import HalfVector

from app.database import Database, connect
from app.providers import Providers, build_providers
from app.search import Search, ServingModel
from app.settings import Settings
from tests.app.conftest import open_client
from tests.support.catalogue import Catalogue
from tests.support.command import run_command
from tests.support.installed_clap import DIMENSIONS, FIRST, SECOND
from tests.support.recordings import excerpt
from workers.app import run_worker

_SWAPS = 30
NAMES = ("calm_acoustic_s411", "energetic_electronic_2", "happy_acoustic_1")

Connection = psycopg.Connection[Any]
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def settings(tmp_path: Path, database: str, clap_models: Path) -> Settings:
    """Settings for the test's database, with two more models to choose from."""
    return Settings(
        _env_file=None,
        database_url=database,
        data_dir=tmp_path,
        models_dir=clap_models,
        semantic_deadline_seconds=30.0,
    )


@pytest.fixture
def known(settings: Settings) -> Providers:
    """The services of these settings."""
    return build_providers(settings)


@pytest.fixture
def identities(known: Providers) -> dict[str, str]:
    """Identity of each model by name."""
    return {name: card.identity for name, card in known.embeddings.registry.cards().items()}


@pytest.fixture
def run(settings: Settings) -> Run:
    """Runs the command with these settings."""
    environment = os.environ | {
        "DATABASE_URL": str(settings.database_url),
        "DATA_DIR": str(settings.data_dir),
        "MODELS_DIR": str(settings.models_dir),
        "SEMANTIC_DEADLINE_SECONDS": "30",
        "COLUMNS": "200",
    }

    def command(*arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        return run_command(*arguments, environment=environment | more)

    return command


@pytest.fixture
def library(catalogue: Catalogue, known: Providers, connection: Connection) -> list[int]:
    """Three recordings, embedded by the bundled model."""
    tracks = []
    for name in NAMES:
        tracks.append(add_recording(catalogue, known, name))
        with excerpt(name).open("rb") as audio:
            catalogue.embed(tracks[-1], known.embedding.embed_audio(audio))
    # nothing is left to do for them
    connection.execute("delete from procrastinate_jobs")
    return tracks


@pytest.fixture
def drain(settings: Settings, known: Providers) -> Callable[[], None]:
    """Runs a worker until no job is due."""
    return lambda: asyncio.run(run_worker(str(settings.database_url), settings, known, wait=False))


def add_recording(catalogue: Catalogue, known: Providers, name: str) -> int:
    with excerpt(name).open("rb") as audio:
        stored = known.audio_store.put(audio, "opus")
    return catalogue.track(name, file_id=stored.file_id, file_type="opus")


def models(connection: Connection) -> dict[str, str]:
    """What each model of the database does, by name."""
    rows = connection.execute(
        "select name, case when serving then 'serving' when candidate then 'candidate' else 'retired' end "
        "from search.models"
    )
    return dict(rows.fetchall())


def embedded(connection: Connection, identity: str) -> set[int]:
    rows = connection.execute(
        "select e.track_id from search.embeddings e join search.models m on m.id = e.model_id where m.identity = %s",
        [identity],
    )
    return {row[0] for row in rows.fetchall()}


def worked(finished: subprocess.CompletedProcess[str]) -> str:
    assert finished.returncode == 0, finished.stderr
    return finished.stdout + finished.stderr


def test_a_switch_from_request_to_removal(
    run: Run, library: list[int], connection: Connection, identities: dict[str, str], known: Providers
) -> None:
    assert "3 tracks are to be embedded" in worked(run("models", "use", FIRST, "--no-wait"))
    assert models(connection) == {"musicnn-tags": "serving", FIRST: "candidate"}
    assert connection.execute(
        "select distinct args ->> 'model', priority from procrastinate_jobs where status = 'todo'"
    ).fetchall() == [(identities[FIRST], -20)]

    listed = {model["name"]: model for model in json.loads(run("models", "list", "--json").stdout)}
    assert (listed[FIRST]["role"], listed[FIRST]["embedded"], listed[FIRST]["tracks"]) == ("candidate", 0, 3)

    assert f"{identities[FIRST]} serves" in worked(run("models", "use", FIRST, "--work"))
    assert models(connection) == {"musicnn-tags": "retired", FIRST: "serving"}
    assert embedded(connection, identities[FIRST]) == embedded(connection, identities["musicnn-tags"]) == set(library)
    found = json.loads(run("search", "a slow song", "--json").stdout)
    # three tracks are too few for a calibration
    assert (found["available"], found["calibrated"]) == (False, False)
    assert json.loads(run("search", f"like:{library[0]}", "--json").stdout)["available"] is True

    assert f"{identities['musicnn-tags']} serves" in worked(run("models", "use", "--back"))
    assert models(connection) == {"musicnn-tags": "serving", FIRST: "retired"}
    refused = run("models", "remove", "musicnn-tags")
    assert (refused.returncode, "it is serving" in refused.stderr) == (2, True)
    provider = known.embedding_of(identities[FIRST])
    assert provider is not None
    connection.execute("select search.remove_model(%s)", [identities[FIRST]])
    assert models(connection) == {"musicnn-tags": "serving"}
    assert connection.execute("select count(*) from search.embeddings").fetchone() == (3,)


def test_remove_takes_the_store_and_the_files(
    run: Run, library: list[int], connection: Connection, clap_models: Path, tmp_path: Path
) -> None:
    own = tmp_path / "models"
    subprocess.run(["cp", "-r", str(clap_models), str(own)], check=True)
    assert library
    worked(run("models", "use", FIRST, "--now", MODELS_DIR=str(own)))
    worked(run("models", "use", "--back", MODELS_DIR=str(own)))
    assert worked(run("models", "remove", FIRST, MODELS_DIR=str(own))) == f"{FIRST} is removed\n"
    assert models(connection) == {"musicnn-tags": "serving"}
    assert sorted(folder.name for folder in own.iterdir()) == [SECOND, f"{SECOND}.checkpoint"]
    again = run("models", "remove", FIRST, MODELS_DIR=str(own))
    assert (again.returncode, f"no model is named '{FIRST}'" in again.stderr) == (2, True)


def test_uploads_during_a_switch_get_both_vectors(
    run: Run,
    library: list[int],
    catalogue: Catalogue,
    known: Providers,
    identities: dict[str, str],
    drain: Callable[[], None],
) -> None:
    worked(run("models", "use", FIRST, "--no-wait"))
    new = add_recording(catalogue, known, "tender_acoustic_1")
    jobs = catalogue.connection.execute(
        "select args ->> 'model', priority from procrastinate_jobs "
        "where task_name = 'embed_track' and args ->> 'track_id' = %s order by 1",
        [str(new)],
    ).fetchall()
    assert jobs == [(identities[FIRST], 0), (identities["musicnn-tags"], 0)]
    drain()
    assert embedded(catalogue.connection, identities[FIRST]) == {*library, new}
    assert embedded(catalogue.connection, identities["musicnn-tags"]) == {*library, new}


def test_now_serves_at_once_and_what_is_missing_follows(
    run: Run, library: list[int], connection: Connection, identities: dict[str, str], drain: Callable[[], None]
) -> None:
    assert "3 tracks are still to be embedded" in worked(run("models", "use", FIRST, "--now"))
    assert models(connection)[FIRST] == "serving"
    by_name = json.loads(run("search", NAMES[0], "--json").stdout)
    assert [hit["details"]["title"] for hit in by_name["results"]] == [NAMES[0]]
    drain()
    assert embedded(connection, identities[FIRST]) == set(library)


def test_a_failed_track_holds_the_switch_up_and_is_listed(
    run: Run, library: list[int], catalogue: Catalogue, identities: dict[str, str]
) -> None:
    lost = catalogue.track("Lost Reel", file_id="nowhere", file_type="mp3")
    stuck = run("models", "use", FIRST, "--work", JOB_MAX_ATTEMPTS="1")
    assert stuck.returncode == 2, stuck.stderr
    assert "Lost Reel" in stuck.stdout
    assert "1 tracks failed, and 75.0% is less than the coverage wanted" in stuck.stderr
    assert models(catalogue.connection) == {"musicnn-tags": "serving", FIRST: "candidate"}
    accepted = worked(run("models", "use", FIRST, "--work", "--coverage", "0.7", JOB_MAX_ATTEMPTS="1"))
    assert models(catalogue.connection) == {"musicnn-tags": "retired", FIRST: "serving"}
    assert embedded(catalogue.connection, identities[FIRST]) == set(library)
    assert lost not in library
    assert accepted


def test_audio_that_cannot_be_decoded_does_not_hold_it_up(
    run: Run, library: list[int], catalogue: Catalogue, known: Providers, identities: dict[str, str]
) -> None:
    stored = known.audio_store.put(io.BytesIO(b"no audio at all" * 100), "mp3")
    catalogue.track("Torn Tape", file_id=stored.file_id, file_type="mp3")
    finished = worked(run("models", "use", FIRST, "--work"))
    assert "Torn Tape" in finished
    assert embedded(catalogue.connection, identities[FIRST]) == set(library)
    coverage = catalogue.connection.execute(
        "select tracks, embedded, undecodable, failed, coverage from search.model_coverage(%s)", [identities[FIRST]]
    ).fetchone()
    assert coverage == (4, 3, 1, 0, 1.0)


def test_workers_finish_a_switch_on_their_own(
    run: Run, library: list[int], connection: Connection, identities: dict[str, str], drain: Callable[[], None]
) -> None:
    worked(run("models", "use", FIRST, "--no-wait"))
    drain()
    assert embedded(connection, identities[FIRST]) == set(library)
    connection.execute(
        "select search_internal.defer_job('upkeep', 'advance_model_switch', jsonb_build_object('timestamp', 0))"
    )
    drain()
    assert models(connection)[FIRST] == "serving"


def test_a_switch_is_given_up(run: Run, library: list[int], connection: Connection, drain: Callable[[], None]) -> None:
    worked(run("models", "use", FIRST, "--no-wait"))
    assert "is given up" in worked(run("models", "use", "--cancel"))
    assert models(connection) == {"musicnn-tags": "serving", FIRST: "retired"}
    again = run("models", "use", "--cancel")
    assert (again.returncode, again.stderr) == (2, "error: no switch is under way\n")
    assert library
    drain()
    assert models(connection)["musicnn-tags"] == "serving"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nonesuch"], "no model is named 'nonesuch'"),
        (["clap-htsat-unfused"], "models pull clap-htsat-unfused"),
        ([], "say one of: the NAME of a model, --back, --cancel"),
        ([FIRST, "--back"], "say one of"),
        (["--back"], "no model has served before"),
        (["musicnn-tags"], "serves already"),
        ([FIRST, "--coverage", "2"], "--coverage"),
    ],
)
def test_what_cannot_be_used(run: Run, arguments: list[str], words: str) -> None:
    finished = run("models", "use", *arguments)
    assert finished.returncode == 2
    assert words in finished.stderr
    assert "Traceback" not in finished.stderr


def switch_at_once(connection: Connection, name: str, identity: str) -> None:
    connection.execute("select search.register_model(%s, %s, %s)", [name, identity, DIMENSIONS])
    connection.execute("select search.serve_model(%s)", [identity])


def test_a_running_server_follows_a_switch(
    settings: Settings, known: Providers, library: list[int], connection: Connection, identities: dict[str, str]
) -> None:
    fill(connection, known, identities[FIRST], library)

    async def steps() -> tuple[Any, ...]:
        async with open_client(settings, known) as client:
            before = (await client.get("/search/semantic", params={"q": "calm piano"})).json()
            await asyncio.to_thread(switch_at_once, connection, FIRST, identities[FIRST])
            after = (await client.get("/search/semantic", params={"q": "calm piano"})).json()
            return before, after, (await client.get("/models")).json()["models"]

    before, after, states = asyncio.run(steps())
    assert before["available"] is after["available"] is True
    cosines = similarities(connection, known, identities[FIRST], "calm piano")
    # what is shown begins at zero
    expected = {track: max(0.0, cosine) for track, cosine in cosines.items()}
    assert {hit["id"]: hit["similarity"] for hit in after["results"]} == pytest.approx(expected, abs=2e-3)
    assert [(state["name"], state["role"]) for state in states] == [(FIRST, "serving"), ("musicnn-tags", "retired")]


def fill(connection: Connection, known: Providers, identity: str, tracks: list[int]) -> None:
    """Give all tracks a vector in a model, as workers would."""
    provider = known.embedding_of(identity)
    assert provider is not None
    model = connection.execute(
        "select search.register_model(%s, %s, %s)", [provider.card.name, identity, provider.card.dimensions]
    ).fetchone()
    assert model is not None
    for track, name in zip(tracks, NAMES, strict=True):
        with excerpt(name).open("rb") as audio:
            vector = HalfVector(provider.embed_audio(audio)).to_text()
        connection.execute(
            "insert into search.embeddings (track_id, model_id, file_id, embedding, listed) "
            "select t.id, %s, t.file_id, %s::halfvec, true from tracks t where t.id = %s",
            [model[0], vector, track],
        )


def similarities(connection: Connection, known: Providers, identity: str, text: str) -> dict[int, float]:
    """Cosine of a text and each track, both in one model, calculated here."""
    provider = known.embedding_of(identity)
    assert provider is not None
    vector = provider.embed_text(text)
    rows = connection.execute(
        "select e.track_id, e.embedding::real[] from search.embeddings e join search.models m on m.id = e.model_id "
        "where m.identity = %s",
        [identity],
    ).fetchall()
    return {track: float(np.asarray(stored, np.float32) @ vector) for track, stored in rows}


def test_models_are_never_mixed_while_they_are_swapped(
    settings: Settings, known: Providers, library: list[int], connection: Connection, identities: dict[str, str]
) -> None:
    """Two models of the same dimensions, swapped over and over: nothing but their identities keeps them apart."""
    texts = ("calm piano", "loud guitars", "a slow song")
    for name in (FIRST, SECOND):
        fill(connection, known, identities[name], library)
    switch_at_once(connection, FIRST, identities[FIRST])
    allowed = {
        text: [similarities(connection, known, identities[name], text) for name in (FIRST, SECOND)] for text in texts
    }

    async def swap(asked: asyncio.Event, stop: asyncio.Event) -> None:
        for number in range(_SWAPS):
            # one swap for each round of searches, however slow the machine is
            await asked.wait()
            asked.clear()
            identity = identities[(SECOND, FIRST)[number % 2]]
            await asyncio.to_thread(connection.execute, "select search.serve_model(%s)", [identity])
        stop.set()

    async def steps() -> list[tuple[str, Any]]:
        async with Database.open(str(settings.database_url), pool_size=6) as opened:
            search = Search(opened, ServingModel(known), deadline_seconds=5.0, min_confidence=0.0)
            asked, stop = asyncio.Event(), asyncio.Event()
            swapping = asyncio.create_task(swap(asked, stop))
            answers: list[tuple[str, Any]] = []
            while not stop.is_set():
                asked.set()
                found = await asyncio.gather(*(search.semantic(text) for text in texts))
                answers += zip(texts, found, strict=True)
            await swapping
        return answers

    answers = asyncio.run(steps())
    heard = 0
    for text, answer in answers:
        got = {hit.details["id"]: hit.similarity for hit in answer.hits}
        if answer.available:
            heard += 1
            assert any(got == pytest.approx(one, abs=2e-3) for one in allowed[text]), (text, got, allowed[text])
        else:
            # one swap too many in the time of one search: then nothing is compared at all
            assert got == {}
    assert heard > len(answers) / 2


def test_vectors_of_the_other_model_are_refused_in_sql(
    known: Providers, library: list[int], connection: Connection, identities: dict[str, str]
) -> None:
    fill(connection, known, identities[FIRST], library)
    switch_at_once(connection, FIRST, identities[FIRST])
    bundled = HalfVector(known.embedding.embed_text("calm piano")).to_text()
    with pytest.raises(psycopg.errors.DataException, match="dimensions"):
        connection.execute("select * from search.nearest_tracks(%s::halfvec)", [bundled])


def test_a_reader_sees_one_model_throughout_a_swap(
    database: str, known: Providers, library: list[int], connection: Connection, identities: dict[str, str]
) -> None:
    """A statement that began before a swap is refused or answers from the old store, and never finds nothing."""
    for name in (FIRST, SECOND):
        fill(connection, known, identities[name], library)
    switch_at_once(connection, FIRST, identities[FIRST])
    provider = known.embedding_of(identities[FIRST])
    assert provider is not None
    vector = HalfVector(provider.embed_text("calm piano")).to_text()
    with connect(database) as reader:
        reader.execute("set transaction isolation level repeatable read")
        reader.execute("select 1 from search.models")
        connection.execute("select search.serve_model(%s)", [identities[SECOND]])
        with pytest.raises(psycopg.errors.SerializationFailure, match="the serving model was changed"):
            reader.execute("select * from search.nearest_tracks(%s::halfvec)", [vector])
