"""Genres by Replicate: its protocol on a loopback server, and servers that misbehave."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from app.errors import UserError
from app.providers import build_providers
from app.settings import Settings
from models.genres import GenrePrediction
from services.audio_store import LocalAudioStore, Recording, StoredAudio
from services.genres import (
    ClassificationFailedError,
    ClassificationRefusedError,
    InProcessGenres,
    NoAddressError,
    ReplicateGenres,
)

TOKEN = "r8_secret"  # noqa: S105 - of nobody
SCORES = {"Electronic---Ambient": 0.19991, "Electronic---Experimental": 0.1673, "Electronic---Synth-pop": 0.122}


@dataclass
class Request:
    """What a client sent."""

    method: str
    path: str
    headers: dict[str, str]
    body: Any


@dataclass
class Replicate:
    """A loopback server that answers as it is told.

    Attributes:
        url: Its address.
        answers: By method and path: what is answered, one after the other, the last one again and again.
        requests: What came.
    """

    url: str = ""
    answers: dict[str, list[tuple[int, Any, dict[str, str]]]] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)

    def on(self, what: str, *answers: Any) -> None:
        """Say what is answered: a status with content and headers, or only content."""
        self.answers[what] = [answer if isinstance(answer, tuple) else (200, answer, {}) for answer in answers]

    def prediction(self, status: str, **more: Any) -> dict[str, Any]:
        """As the API describes one."""
        return {"id": "p1", "status": status, "urls": {"get": f"{self.url}/v1/predictions/p1"}} | more


@contextmanager
def serving() -> Iterator[Replicate]:
    replicate = Replicate()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            length = int(self.headers.get("content-length", 0))
            body = json.loads(self.rfile.read(length)) if length else None
            headers = {name.lower(): value for name, value in self.headers.items()}
            replicate.requests.append(Request(self.command, self.path, headers, body))
            left = replicate.answers[f"{self.command} {self.path}"]
            status, content, extra = left.pop(0) if len(left) > 1 else left[0]
            data = content if isinstance(content, bytes) else json.dumps(content).encode()
            self.send_response(status)
            for name, value in extra.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_POST = do_GET  # noqa: N815 - the server's name for it

        def log_message(self, *_arguments: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    replicate.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield replicate
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def replicate() -> Iterator[Replicate]:
    with serving() as running:
        yield running


@pytest.fixture
def fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.genres.replicate._POLL_SECONDS", 0.01)


class PublicStore(LocalAudioStore):
    """A folder that says where the world finds its files."""

    def locate(self, file_id: str, file_type: str, *, address: str | None = None) -> StoredAudio:  # noqa: ARG002 - a store's
        """As if it had been put there."""
        from datetime import UTC, datetime

        return StoredAudio(file_id, file_type, 1, datetime.now(UTC), url=f"https://audio.example/{file_id}.{file_type}")


RECORDING = Recording(PublicStore(Path()), "abc", "mp3")


def classify(replicate: Replicate, *, seconds: float = 10.0, top: int = 10) -> list[GenrePrediction]:
    client = ReplicateGenres(TOKEN, version="v1", top=top, timeout_seconds=seconds, base_url=replicate.url)
    try:
        return client.classify(RECORDING)
    finally:
        client.close()


def names(found: list[GenrePrediction]) -> list[tuple[str, float]]:
    return [(prediction.name, prediction.confidence) for prediction in found]


PARSED = [("electronic", 0.1999), ("ambient", 0.1999), ("experimental", 0.1673), ("synth-pop", 0.122)]


def test_a_prediction_that_is_done_at_once(replicate: Replicate) -> None:
    replicate.on("POST /v1/predictions", (201, replicate.prediction("succeeded", output=f"{replicate.url}/out"), {}))
    replicate.on("GET /out", SCORES)
    assert names(classify(replicate, seconds=30)) == PARSED
    asked, fetched = replicate.requests
    assert asked.body == {
        "version": "v1",
        "input": {"audio": "https://audio.example/abc.mp3", "top_n": 20, "output_format": "JSON"},
    }
    assert asked.headers["authorization"] == f"Bearer {TOKEN}"
    assert asked.headers["prefer"] in {"wait=30", "wait=29"}
    assert "authorization" not in fetched.headers, "the output lies elsewhere"


@pytest.mark.usefixtures("fast")
def test_one_that_takes_longer_is_polled(replicate: Replicate) -> None:
    replicate.on("POST /v1/predictions", (202, replicate.prediction("starting"), {}))
    replicate.on(
        "GET /v1/predictions/p1",
        replicate.prediction("processing"),
        replicate.prediction("succeeded", output=f"{replicate.url}/out"),
    )
    replicate.on("GET /out", SCORES)
    assert names(classify(replicate)) == PARSED
    polls = [request for request in replicate.requests if request.path == "/v1/predictions/p1"]
    assert [poll.headers["authorization"] for poll in polls] == [f"Bearer {TOKEN}"] * 2


@pytest.mark.parametrize("wrap", [lambda output: output, lambda output: [output]], ids=["plain", "in a list"])
def test_the_output_may_come_in_a_list_or_as_it_is(replicate: Replicate, wrap: Callable[[Any], Any]) -> None:
    replicate.on("POST /v1/predictions", replicate.prediction("succeeded", output=wrap(SCORES)))
    assert names(classify(replicate, top=2)) == PARSED[:2]


@pytest.mark.parametrize("status", [429, 500, 502, 503])
def test_what_may_pass_is_tried_again(replicate: Replicate, status: int) -> None:
    done = replicate.prediction("succeeded", output=SCORES)
    replicate.on("POST /v1/predictions", (status, {"detail": "later"}, {"retry-after": "0.1"}), done)
    assert names(classify(replicate)) == PARSED
    assert len(replicate.requests) == 2


def test_time_is_bounded(replicate: Replicate) -> None:
    replicate.on("POST /v1/predictions", (503, {}, {}))
    with pytest.raises(ClassificationFailedError, match="answers 503"):
        classify(replicate, seconds=1.5)
    assert len(replicate.requests) > 1


@pytest.mark.usefixtures("fast")
def test_a_prediction_that_never_ends_is_given_up(replicate: Replicate) -> None:
    replicate.on("POST /v1/predictions", replicate.prediction("processing"))
    replicate.on("GET /v1/predictions/p1", replicate.prediction("processing"))
    with pytest.raises(ClassificationFailedError, match=r"not finished within 0\.3 s"):
        classify(replicate, seconds=0.3)


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 422])
def test_a_refusal_is_final_and_in_replicates_words(replicate: Replicate, status: int) -> None:
    replicate.on("POST /v1/predictions", (status, {"title": "No", "detail": "You did not pay"}, {}))
    with pytest.raises(ClassificationRefusedError, match=f"{status}: You did not pay") as refused:
        classify(replicate)
    assert TOKEN not in str(refused.value)
    assert len(replicate.requests) == 1


@pytest.mark.parametrize(
    ("prediction", "words"),
    [
        ({"status": "failed", "error": "the audio is silent"}, "the audio is silent"),
        ({"status": "canceled"}, "canceled"),
        ({}, "says nothing"),
        ({"status": "processing", "urls": {"get": "https://evil.example/p1"}}, "can be followed"),
        ({"status": "processing"}, "can be followed"),
        ({"status": "succeeded", "output": None}, "no object"),
        ({"status": "succeeded", "output": {"Rock---Punk": "much"}}, "no object"),
        ({"status": "succeeded", "output": {"Rock---Punk": 7}}, "no object"),
        ({"status": "succeeded", "output": "http://10.0.0.1/out"}, "not fetched from"),
        ({"status": "succeeded", "output": "file:///etc/passwd"}, "not fetched from"),
    ],
)
@pytest.mark.usefixtures("fast")
def test_what_cannot_be_used_is_a_failure(replicate: Replicate, prediction: Any, words: str) -> None:
    replicate.on("POST /v1/predictions", prediction)
    with pytest.raises(ClassificationFailedError, match=words):
        classify(replicate)
    assert len(replicate.requests) == 1


@pytest.mark.parametrize(("content", "words"), [(b"<html>", "not JSON"), (b" " * 1_000_001, "more than 1000000")])
def test_an_output_that_is_none_is_a_failure(replicate: Replicate, content: bytes, words: str) -> None:
    replicate.on("POST /v1/predictions", replicate.prediction("succeeded", output=f"{replicate.url}/out"))
    replicate.on("GET /out", content)
    with pytest.raises(ClassificationFailedError, match=words):
        classify(replicate)


def test_nobody_there() -> None:
    with serving() as gone:
        pass
    with pytest.raises(ClassificationFailedError, match=r"127\.0\.0\.1 cannot be reached"):
        classify(gone, seconds=0.3)


def test_a_recording_without_an_address_is_refused(replicate: Replicate, tmp_path: Path) -> None:
    store = LocalAudioStore(tmp_path)
    path = tmp_path / "song"
    path.write_bytes(b"x")
    with path.open("rb") as file:
        stored = store.put(file, "mp3")
    client = ReplicateGenres(TOKEN, version="v1", top=3, timeout_seconds=5, base_url=replicate.url)
    with pytest.raises(NoAddressError, match="R2_PUBLIC_BUCKET_URL"):
        client.classify(Recording(store, stored.file_id, "mp3"))
    client.close()
    assert replicate.requests == []


# --- choosing


def genres(tmp_path: Path, **changed: Any) -> Any:
    return build_providers(Settings(_env_file=None, data_dir=tmp_path, **changed)).genres


def test_settings_choose_who_names_genres(tmp_path: Path) -> None:
    assert isinstance(genres(tmp_path), InProcessGenres)
    assert genres(tmp_path, genre_provider="none") is None
    assert isinstance(genres(tmp_path, genre_provider="replicate", replicate_api_token=TOKEN), ReplicateGenres)
    enabled = genres(tmp_path, genre_provider="none", replicate_enabled=True, replicate_api_token=TOKEN)
    assert isinstance(enabled, ReplicateGenres)


@pytest.mark.parametrize("changed", [{"replicate_enabled": True}, {"genre_provider": "replicate"}])
def test_replicate_without_a_token_is_refused(tmp_path: Path, changed: Any) -> None:
    with pytest.raises(UserError, match="REPLICATE_API_TOKEN"):
        genres(tmp_path, **changed)
