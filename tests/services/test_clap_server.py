"""The CLAP service on a socket, with a real model behind it."""

import base64
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, BinaryIO

import httpx2
import numpy as np
import pytest
from fastapi import FastAPI
from fastapi.responses import FileResponse
from numpy import float32
from numpy.typing import NDArray

from models.registry import find_model
from models.runtime.run_options import RunOptions
from services.clap.fetch import AudioFetcher
from services.clap.limits import Limits
from services.clap.server import create_clap_api
from services.clap.service import EmbeddingService
from services.embedding import EmbeddingProvider, InProcessEmbedding
from tests.support.recordings import sample
from tests.support.serving import serving

CARD = find_model("musicnn-tags")
LIMITS = Limits(max_bytes=2_000_000, max_seconds=60.0, max_batch=3, concurrency=2, fetch_seconds=5.0)


def in_process() -> InProcessEmbedding:
    return InProcessEmbedding(CARD, RunOptions(), max_seconds=900)


def build(provider: EmbeddingProvider, limits: Limits = LIMITS, origins: tuple[str, ...] = ()) -> FastAPI:
    fetcher = AudioFetcher(
        origins,
        max_bytes=limits.max_bytes,
        max_seconds=limits.fetch_seconds,
        trusted_addresses=frozenset({"127.0.0.1"}),
    )
    return create_clap_api(EmbeddingService(provider, limits, fetcher), limits)


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """The service with the bundled model."""
    with serving(build(in_process())) as found:
        yield found


def encoded(name: str = "happy_acoustic_1") -> str:
    return base64.b64encode(sample(name).read_bytes()).decode()


def post(address: str, path: str, body: Any) -> httpx2.Response:
    return httpx2.post(f"{address}{path}", json=body, timeout=60)


def same(found: list[float], expected: NDArray[float32]) -> bool:
    return np.array_equal(np.array(found, float32), expected)


def heard(name: str) -> NDArray[float32]:
    with sample(name).open("rb") as audio:
        return in_process().embed_audio(audio)


def test_a_text(address: str) -> None:
    answer = post(address, "/embed_text", {"text": "dark ambient techno"}).json()
    assert answer.keys() == {"embedding", "dimensions", "model"}
    assert (answer["dimensions"], answer["model"]) == (100, CARD.identity)
    assert same(answer["embedding"], in_process().embed_text("dark ambient techno"))


def test_a_recording(address: str) -> None:
    answer = post(address, "/embed_audio", {"audio_b64": encoded()}).json()
    assert answer.keys() == {"embedding", "dimensions", "model"}
    assert same(answer["embedding"], heard("happy_acoustic_1"))


def test_several_texts(address: str) -> None:
    texts = ["calm piano", "loud guitars"]
    answer = post(address, "/embed_text", {"texts": texts}).json()
    assert answer.keys() == {"embeddings", "dimensions", "model"}
    for found, text in zip(answer["embeddings"], texts, strict=True):
        assert same(found, in_process().embed_text(text))


def test_one_bad_recording_does_not_lose_the_others(address: str) -> None:
    items = [{"audio_b64": encoded()}, {"audio_b64": base64.b64encode(b"no audio").decode()}, {"audio_b64": "?"}]
    answer = post(address, "/embed_audio", {"items": items}).json()
    first, second, third = answer["results"]
    assert same(first["embedding"], heard("happy_acoustic_1"))
    assert (second["embedding"], "not an audio file" in second["error"]) == (None, True)
    assert "not base64" in third["error"]


def test_health(address: str) -> None:
    answer = httpx2.get(f"{address}/healthz").json()
    assert answer == {"status": "ok", "dimensions": 100, "model": CARD.identity}


@pytest.mark.parametrize(
    ("path", "body", "field", "words"),
    [
        ("/embed_text", {}, ["text"], "either text or texts"),
        ("/embed_text", {"text": "a", "texts": ["b"]}, ["text"], "either text or texts"),
        ("/embed_text", {"text": "?!"}, ["text"], "the text has no words"),
        ("/embed_text", {"text": "x" * 2001}, ["text"], "at most 2000"),
        ("/embed_text", {"text": 7}, ["text"], "string"),
        ("/embed_text", {"texts": []}, ["texts"], "1 to 3 at once"),
        ("/embed_text", {"texts": ["a"] * 4}, ["texts"], "1 to 3 at once (CLAP_MAX_BATCH), not 4"),
        ("/embed_text", {"texts": ["calm", "?!"]}, ["texts", 1], "the text has no words"),
        ("/embed_audio", {}, ["audio_b64"], "either audio_b64 or audio_url"),
        ("/embed_audio", {"audio_b64": "a", "audio_url": "b"}, ["audio_b64"], "either"),
        ("/embed_audio", {"audio_b64": "not base64!"}, ["audio_b64"], "not base64"),
        ("/embed_audio", {"audio_b64": "bm8gYXVkaW8="}, ["audio_b64"], "not an audio file"),
        ("/embed_audio", {"audio_url": "https://example.org/a.mp3"}, ["audio_url"], "CLAP_AUDIO_ORIGINS"),
        ("/embed_audio", {"items": [{}] * 4}, ["items"], "1 to 3 at once"),
        ("/embed_audio", {"items": [], "audio_b64": "a"}, ["items"], "either items or one"),
    ],
)
def test_bad_input_names_its_field(address: str, path: str, body: Any, field: list[Any], words: str) -> None:
    answer = post(address, path, body)
    assert answer.status_code == 422, answer.text
    (detail,) = answer.json()["detail"]
    assert detail["loc"] == ["body", *field]
    assert words in detail["msg"]


def test_a_body_that_is_not_json(address: str) -> None:
    assert httpx2.post(f"{address}/embed_text", content=b"{").status_code == 422


def test_a_recording_that_is_too_large(address: str) -> None:
    over = base64.b64encode(b"\0" * (LIMITS.max_bytes + 1)).decode()
    answer = post(address, "/embed_audio", {"audio_b64": over})
    assert answer.status_code == 413
    assert answer.json()["detail"][0]["loc"] == ["body", "audio_b64"]
    assert "CLAP_MAX_BYTES" in answer.text


def test_a_request_that_is_too_large_is_refused_before_it_is_read(address: str) -> None:
    host, port = address.removeprefix("http://").split(":")
    head = f"POST /embed_audio HTTP/1.1\r\nhost: {host}\r\ncontent-length: 9999999999\r\n\r\n"
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        connection.sendall(head.encode())
        answer = connection.recv(65_536)
    assert answer.startswith(b"HTTP/1.1 413")


def test_a_request_of_unknown_length_is_refused_when_it_is_too_large(address: str) -> None:
    chunks = (b"A" * 65_536 for _ in range(64))
    answer = httpx2.post(f"{address}/embed_audio", content=chunks, timeout=30)
    assert answer.status_code == 413
    assert "CLAP_MAX_BYTES" in answer.json()["detail"][0]["msg"]


def test_a_recording_that_is_too_long() -> None:
    limits = Limits(max_bytes=2_000_000, max_seconds=5.0)
    with serving(build(in_process(), limits)) as found:
        answer = post(found, "/embed_audio", {"audio_b64": encoded()})
    assert answer.status_code == 413
    assert answer.json()["detail"][0]["loc"] == ["body", "audio_b64"]
    assert "longer than 5 s (CLAP_MAX_SECONDS)" in answer.text


SLOW = "a"


class Waiting:
    """A provider that takes its time, and one that fails."""

    card = CARD

    def __init__(self) -> None:
        self.entered = threading.Semaphore(0)
        self.released = threading.Event()

    def load(self) -> None:
        """Nothing to load."""

    def embed_audio(self, audio: BinaryIO, *, max_seconds: float | None = None) -> NDArray[float32]:
        """Fail."""
        raise RuntimeError(f"secret of {audio} {max_seconds}")

    def embed_text(self, text: str) -> NDArray[float32]:
        """Wait, but for what the service asks by itself when it starts."""
        if text == SLOW:
            self.entered.release()
            assert self.released.wait(30)
        return np.full(100, 0.1, float32)

    def sound_relatedness(self, text: str) -> float:
        """Never asked."""
        raise AssertionError(text)


def test_one_request_too_many_is_sent_away_and_health_still_answers() -> None:
    provider = Waiting()
    with serving(build(provider)) as found, ThreadPoolExecutor(2) as threads:
        waiting = [threads.submit(post, found, "/embed_text", {"text": SLOW}) for _ in range(2)]
        for _ in waiting:
            assert provider.entered.acquire(timeout=30)
        refused = post(found, "/embed_text", {"text": SLOW})
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "2")
        assert httpx2.get(f"{found}/healthz").status_code == 200
        provider.released.set()
        assert [future.result(timeout=30).status_code for future in waiting] == [200, 200]
        assert post(found, "/embed_text", {"text": SLOW}).status_code == 200


def test_a_failure_of_the_model_tells_no_secrets() -> None:
    with serving(build(Waiting())) as found:
        answer = post(found, "/embed_audio", {"audio_b64": encoded()})
    assert answer.status_code == 500
    assert "secret" not in answer.text
    assert "Traceback" not in answer.text


def test_a_recording_is_fetched() -> None:
    files = FastAPI()

    @files.get("/song.opus")
    def song() -> FileResponse:
        return FileResponse(sample("happy_acoustic_1"))

    with serving(files) as origin, serving(build(in_process(), origins=(origin.removeprefix("http://"),))) as found:
        answer = post(found, "/embed_audio", {"audio_url": f"{origin}/song.opus"})
        missing = post(found, "/embed_audio", {"audio_url": f"{origin}/none"})
    assert same(answer.json()["embedding"], heard("happy_acoustic_1"))
    assert (missing.status_code, missing.json()["detail"][0]["msg"]) == (422, "127.0.0.1 answers 404")
