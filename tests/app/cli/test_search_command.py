"""vibe-search search and vibe-search similar, on a database."""

import json
import os
from collections.abc import Callable
from subprocess import CompletedProcess

import pytest
from numpy import float32
from numpy.typing import NDArray

from tests.support.catalogue import Catalogue
from tests.support.command import run_command
from tests.support.recordings import sample

TITLES = {"Fern Index": "happy_acoustic_1", "Fern Copy": "happy_acoustic_1", "Theodolite": "energetic_electronic_2"}

Run = Callable[..., CompletedProcess[str]]


@pytest.fixture
def run(database: str, catalogue: Catalogue, heard: Callable[[str], NDArray[float32]]) -> Run:
    """Runs the command on a database with three tracks, two of which are one recording."""
    for title, name in TITLES.items():
        catalogue.embed(catalogue.track(title, file_id=title), heard(name))
    catalogue.track("Silent")
    # a flag of viewers does not concern the operator
    environment = os.environ | {"DATABASE_URL": database, "COLUMNS": "200", "VIBE_SEARCH_FOR_EVERYONE": "false"}
    environment["SEMANTIC_DEADLINE_SECONDS"] = "30"

    def command(*arguments: str) -> CompletedProcess[str]:
        return run_command(*arguments, environment=environment)

    return command


def titles(finished: CompletedProcess[str]) -> list[str]:
    assert finished.returncode == 0, finished.stderr
    return [hit["details"]["title"] for hit in json.loads(finished.stdout)["results"]]


def test_similar_tracks(run: Run) -> None:
    finished = run("similar", "1", "--json")
    assert titles(finished) == ["Fern Copy", "Theodolite"]
    body = json.loads(finished.stdout)
    assert [hit["near_duplicate"] for hit in body["results"]] == [True, False]
    assert (body["track_id"], body["available"]) == (1, True)
    shown = run("similar", "1", "--limit", "1").stdout
    assert "Fern Copy" in shown
    assert "sound 1.00, same recording" in shown
    assert "Theodolite" not in shown
    assert "sound search was not available" in run("similar", "4").stdout


def test_search_by_a_file(run: Run) -> None:
    file = str(sample("energetic_electronic_2"))
    finished = run("search", "--audio", file, "--json", "--limit", "2")
    assert titles(finished)[0] == "Theodolite"
    assert json.loads(finished.stdout)["audio"] == file
    assert "same recording" in run("search", "--audio", file).stdout


def test_descriptions(run: Run) -> None:
    assert titles(run("search", "like:1", "--json")) == ["Fern Copy", "Theodolite"]
    assert titles(run("search", "fern -guitar", "--json", "--type", "tracks"))[:2] == ["Fern Index", "Fern Copy"]
    assert titles(run("search", "--json", "--", "-guitar"))[0] == "Theodolite"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["search"], "either a text or --audio FILE"),
        (["search", "fern", "--audio", "clip.mp3"], "either a text or --audio FILE"),
        (["search", "--audio", "clip.mp3", "--type", "tracks"], "a clip is compared with tracks alone"),
        (["search", "--audio", "missing.mp3"], "missing.mp3 cannot be read: No such file"),
        (["search", "--audio", __file__], "not an audio file that can be decoded"),
        (["search", "like:999"], "like:999: there is no such track"),
        (["search", "like:4"], "like:4: the track has no embedding yet"),
        (["similar", "999"], "999: there is no such track"),
        (["similar", "0"], "ID"),
    ],
)
def test_refusals(run: Run, arguments: list[str], words: str) -> None:
    finished = run(*arguments)
    assert finished.returncode == 2
    assert words in finished.stderr
    assert "Traceback" not in finished.stderr
