"""vibe-search bench embed: what it measures is what it says, and it says what is missing. No time is asserted."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import av
import numpy as np
import psutil
import pytest
from rich.console import Console

from app.database import EmbeddedPostgres
from app.errors import UserError
from app.measure.speed.embedding.contender import OURS, OURS_FLOAT32, REPLACED
from app.measure.speed.embedding.material import CLIP_SECONDS, MOST_QUERIES, STORED_RATE, make_queries, write_clips
from app.measure.speed.embedding.measure import AUDIO, TEXT, ContenderFigures, EmbedPlan, EmbedResult
from app.measure.speed.embedding.memory import peak_bytes
from app.measure.speed.embedding.serving import ServerFigures
from app.measure.speed.embedding.session import Session
from app.measure.speed.embedding.subject import RANDOM, Subject, find_subject
from app.measure.speed.report import render_embedding
from app.measure.speed.stages import Stages
from app.settings import Settings
from models.audio.decoding import decode
from models.registry import find_model
from tests.support.command import run_command, run_command_here
from tests.support.databases import sibling
from tests.support.installed_clap import DIMENSIONS, FIRST
from tests.support.recordings import sample
from tests.support.transformers_clap import TransformersClap

QUIET = Stages(Console(quiet=True))


@pytest.fixture
def server_url(server: EmbeddedPostgres) -> str:
    """Not the template of the other tests: nothing may be connected to that when it is copied."""
    return sibling(server.url, "postgres")


@pytest.fixture(scope="module")
def replaced(clap_models: Path) -> Iterator[Session]:
    """The replaced way, with the first of the two small models."""
    with Session(REPLACED, clap_models, FIRST, 1) as session:
        yield session


def bench(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return run_command("bench", "embed", *arguments, environment=os.environ | {"COLUMNS": "200"} | environment)


def test_it_measures_from_end_to_end(server_url: str, tmp_path: Path, clap_models: Path) -> None:
    environment = {"DATABASE_URL": server_url, "DATA_DIR": str(tmp_path), "MODELS_DIR": str(clap_models)}
    finished = bench(environment, "--model", FIRST, "--texts", "5", "--windows", "3", "--threads", "1", "--json")
    assert finished.returncode == 0, finished.stderr
    report = json.loads(finished.stdout)

    assert report["model"].startswith(FIRST)
    assert (report["texts"], report["windows"], report["threads"]) == (5, 3, 1)
    assert set(report["contenders"]) == {OURS, OURS_FLOAT32, REPLACED}
    for name, found in report["contenders"].items():
        kinds = {TEXT} if name == OURS_FLOAT32 else {TEXT, AUDIO}
        assert set(found["milliseconds"]) == kinds == set(found["least_cosine"])
        assert found["first_text_seconds"] > 0
        assert found["peak_bytes"] > 50e6
        for kind in kinds:
            times = found["milliseconds"][kind]["all"]
            assert times["runs"] == report["texts" if kind == TEXT else "windows"]
            assert 0 < times["p50"] <= times["worst"]
            # all contenders embed the same texts and the same seconds with the same weights
            assert found["least_cosine"][kind] > 0.99
    slow = report["contenders"][REPLACED]
    assert slow["least_cosine"] == {TEXT: pytest.approx(1, abs=1e-5), AUDIO: pytest.approx(1, abs=1e-5)}
    stages = slow["milliseconds"][AUDIO]
    assert set(stages) == {"reading and resampling", "mel spectrogram", "network", "all"}
    assert all(value > 0 for value in (*report["operations"].values(), *report["floor_ms"].values()))
    server = report["server"]
    assert 0 < server["ready_seconds"] < server["first_answer_seconds"]
    assert 50e6 < server["peak_bytes"] <= server["peak_bytes_with_audio"]
    assert [check["name"] for check in report["checks"]] == [
        "text, replaced p50 / p50",
        "audio, windows per second / replaced",
        "peak memory of the server",
    ]


def test_the_replaced_way_gives_the_vectors_of_transformers(replaced: Session, clap_models: Path) -> None:
    """Otherwise it would be slow at something else."""
    reference = TransformersClap(clap_models / f"{FIRST}.checkpoint")
    found = np.array(replaced.ask(text="slow rain on a roof")["vector"])
    assert replaced.age > 0
    assert found.shape == (DIMENSIONS,)
    np.testing.assert_allclose(found, reference.embed_texts(["slow rain on a roof"])[0], atol=1e-5)


def test_a_contender_that_ends_says_why(clap_models: Path) -> None:
    session = Session(OURS, clap_models, "no-such-model", 1)
    with pytest.raises(RuntimeError, match="does not run"):
        session.ask(text="rain")
    with session, pytest.raises(RuntimeError, match="no-such-model"):
        session.ask(text="rain")


# --- what is embedded


def test_queries_are_all_different() -> None:
    queries = make_queries(MOST_QUERIES)
    assert len({query.casefold() for query in queries}) == MOST_QUERIES
    assert make_queries(5) == queries[:5]


def test_clips_are_ten_seconds_of_different_music(tmp_path: Path) -> None:
    paths = write_clips(tmp_path, 30, QUIET)
    assert len(paths) == 30
    with av.open(str(paths[0])) as container:
        stream = container.streams.audio[0]
        assert (stream.codec_context.name, stream.rate, stream.channels) == ("flac", STORED_RATE, 2)
    heard = [decode(path, STORED_RATE) for path in paths]
    assert {wave.size for wave in heard} == {CLIP_SECONDS * STORED_RATE}
    assert len({wave.tobytes() for wave in heard}) == 30
    assert min(float(np.abs(wave).max()) for wave in heard) > 0.01


def test_peak_memory_remembers_what_was_freed() -> None:
    code = "import sys; b'x' * 200_000_000; print('freed', flush=True); sys.stdin.readline()"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        assert child.stdin is not None
        child.stdout.readline()
        process = psutil.Process(child.pid)
        # it is made when the program is compiled, and let go again
        assert peak_bytes(process) > 200e6 > process.memory_info().rss
        child.stdin.write("\n")


# --- the figures


def result_of(text_ms: tuple[float, float], audio_ms: tuple[float, float], peak: int) -> EmbedResult:
    """Of our way and of the replaced one."""

    def figures(text: float, audio: float) -> ContenderFigures:
        seconds = {TEXT: {"all": [text / 1000] * 3}, AUDIO: {"all": [audio / 1000] * 3}}
        return ContenderFigures(1.0, seconds, {TEXT: 1.0, AUDIO: 1.0}, 10**8)

    contenders = {OURS: figures(text_ms[0], audio_ms[0]), REPLACED: figures(text_ms[1], audio_ms[1])}
    operations = {"query": 1e9, "window": 1e10, "machine per second": 2e11}
    subject = Subject(Path(), find_model("clap-htsat-unfused"), "random")
    server = ServerFigures(1.0, 1.5, peak, 2 * peak)
    return EmbedResult(subject, EmbedPlan(3, 3, 2), contenders, operations, server, {"cores": "2"})


def test_figures_are_held_against_their_targets() -> None:
    good = {check.name: (check.value, check.met) for check in result_of((2, 20), (50, 150), 400_000_000).checks}
    assert good == {
        "text, replaced p50 / p50": (pytest.approx(10), True),
        "audio, windows per second / replaced": (pytest.approx(3), True),
        "peak memory of the server": (400, True),
    }
    bad = result_of((10, 20), (100, 150), 500_000_000)
    assert [check.met for check in bad.checks] == [False, False, False]
    assert bad.floors == {TEXT: pytest.approx(5), AUDIO: pytest.approx(50)}


def test_the_tables_show_what_was_measured() -> None:
    console = Console(record=True, width=160, file=StringIO())
    for table in render_embedding(result_of((2, 20), (50, 150), 500_000_000)):
        console.print(table)
    text = console.export_text()
    for wanted in ("text: vibe-search", "audio: transformers and torch", "200 GFLOP/s", "missed", "500"):
        assert wanted in text


# --- what is missing


@pytest.fixture
def settings(tmp_path: Path, clap_models: Path) -> Settings:
    return Settings(_env_file=None, data_dir=tmp_path, models_dir=clap_models)


def test_without_a_name_it_takes_random_weights_that_are_there(
    settings: Settings, clap_models: Path, tmp_path: Path
) -> None:
    kept = tmp_path / "bench" / "models"
    kept.mkdir(parents=True)
    checkpoint = kept / f"{RANDOM}.checkpoint"
    checkpoint.symlink_to(clap_models / f"{FIRST}.checkpoint")
    export = ("models", "export", RANDOM, "--from", str(checkpoint))
    run_command_here(*export, environment=os.environ | {"MODELS_DIR": str(kept)}).check_returncode()
    subject = find_subject(settings, None, QUIET)
    assert (subject.models_dir, subject.card.dimensions) == (kept, DIMENSIONS)
    assert "random" in subject.weights
    assert subject.environment["MODELS_DIR"] == str(kept)
    assert subject.environment["EMBEDDING_MODEL"] == subject.card.name


@pytest.mark.parametrize(
    ("model", "said"),
    [
        ("no-such-model", "no-such-model"),
        ("musicnn-tags", "is no CLAP model"),
        ("clap-htsat-unfused", "vibe-search models pull clap-htsat-unfused"),
    ],
)
def test_a_model_that_cannot_be_measured_is_refused(settings: Settings, model: str, said: str) -> None:
    with pytest.raises(UserError, match=said):
        find_subject(settings, model, QUIET)


def test_a_missing_package_is_named(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "app.measure.speed.embedding.subject.find_spec", lambda name: None if name == "librosa" else name
    )
    with pytest.raises(UserError, match=r"librosa is missing: pip install -c constraints.txt -e '\.\[bench,export\]'"):
        find_subject(settings, FIRST, QUIET)


@pytest.mark.parametrize("arguments", [("--model", "no-such-model"), ("--windows", "0"), ("--texts", "501")])
def test_bad_arguments_end_with_2(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    finished = bench({"DATA_DIR": str(tmp_path)}, *arguments)
    assert finished.returncode == 2
    assert "Traceback" not in finished.stderr
    assert arguments[0] in finished.stderr or arguments[1] in finished.stderr


def test_both_hear_the_same_seconds(replaced: Session, clap_models: Path, tmp_path: Path) -> None:
    """Decoding and resampling are parts of what is timed, and neither may leave anything out."""
    clip = write_clips(tmp_path, 1, QUIET)[0]
    vectors = []
    with Session(OURS, clap_models, FIRST, 1) as ours:
        for session in (ours, replaced):
            answer = session.ask(audio=str(clip))
            assert answer["seconds"]["reading and resampling"] > 0
            vectors.append(np.array(answer["vector"]))
        other = np.array(ours.ask(audio=str(sample("calm_acoustic_1")))["vector"])
    assert float(vectors[0] @ vectors[1]) > 0.999
    assert float(vectors[0] @ other) < 0.9999
