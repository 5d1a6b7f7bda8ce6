"""A provider that asks over HTTP: the real service, and real servers that misbehave."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from typing import Any

import numpy as np
import pytest

from app.providers import build_providers, build_remote
from app.settings import Settings
from models.audio.decoding import AudioError
from models.registry import ModelCard, find_model
from models.runtime.run_options import RunOptions
from services.embedding import EmbeddingProvider, InProcessEmbedding, RemoteEmbedding
from services.embedding.remote import RemoteError
from services.metrics import PROCESS
from tests.services.test_clap_server import build
from tests.support.recordings import sample
from tests.support.serving import serving

CARD = find_model("musicnn-tags")
UNIT = [0.1] * 100

Script = Callable[[int, dict[str, Any]], tuple[int, Any, dict[str, str]]]
"""Number of the request and its body, to status, answer and headers."""


@contextmanager
def scripted(script: Script) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """A server that answers as it is told; its address, and the bodies that it got."""
    bodies: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            bodies.append(body)
            status, answer, headers = script(len(bodies), body)
            if status == 0:  # gone in the middle of an answer
                self.wfile.write(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n{")
                self.close_connection = True
                return
            content = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def do_GET(self) -> None:
            content = json.dumps({"embedding": UNIT, "dimensions": 100}).encode()
            self.send_response(200)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_arguments: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", bodies
    finally:
        server.shutdown()
        server.server_close()
        thread.join(30)


@contextmanager
def remote(address: str, *, card: ModelCard = CARD, timeout: float = 20.0) -> Iterator[RemoteEmbedding]:
    provider = RemoteEmbedding(
        card, audio_url=f"{address}/embed_audio", text_url=f"{address}/embed_text", timeout_seconds=timeout
    )
    try:
        yield provider
    finally:
        provider.close()


def always(status: int, answer: Any, **headers: str) -> Script:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda _number, _body: (status, answer, named)


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """How long they are is test_attempts.py's affair."""
    monkeypatch.setattr("services.attempts._PAUSE_SECONDS", 0.01)


@pytest.fixture(scope="module")
def in_process() -> EmbeddingProvider:
    """The same model here."""
    return InProcessEmbedding(CARD, RunOptions(), max_seconds=900)


@pytest.fixture(scope="module")
def service(in_process: EmbeddingProvider) -> Iterator[str]:
    """Address of the real service."""
    with serving(build(in_process)) as address:
        yield address


def test_the_same_vectors_as_in_the_process(service: str, in_process: EmbeddingProvider) -> None:
    with remote(service) as provider:
        assert np.allclose(provider.embed_text("calm piano"), in_process.embed_text("calm piano"), atol=1e-6)
        with sample("happy_acoustic_1").open("rb") as audio:
            found = provider.embed_audio(audio)
        with sample("happy_acoustic_1").open("rb") as audio:
            assert np.allclose(found, in_process.embed_audio(audio), atol=1e-6)
        assert abs(float(np.linalg.norm(found)) - 1) < 1e-6
        provider.load()


def test_a_recording_that_cannot_be_decoded_is_the_recordings_fault(service: str) -> None:
    with remote(service) as provider, pytest.raises(AudioError, match="not an audio file"):
        provider.embed_audio(BytesIO(b"no audio"))


def test_a_recording_that_is_too_large_is_too(service: str) -> None:
    with remote(service) as provider, pytest.raises(AudioError, match="CLAP_MAX_BYTES"):
        provider.embed_audio(BytesIO(b"\0" * 3_000_000))


def test_a_text_without_words(service: str) -> None:
    with remote(service) as provider, pytest.raises(ValueError, match="the text has no words"):
        provider.embed_text("?!")


def test_another_identity_is_refused(service: str) -> None:
    other = replace(CARD, name="other")
    with remote(service, card=other) as provider, pytest.raises(RemoteError) as refused:
        provider.embed_text("calm")
    assert f"the service runs {CARD.identity}, and {other.identity} was expected" in str(refused.value)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ({"embedding": [0.1] * 99}, "shape (99,), and musicnn-tags"),
        ({"embedding": [[0.1] * 100]}, "shape (1, 100)"),
        ({"dimensions": 100}, "shape ()"),
        ({"embedding": ["a"] * 100}, "not a vector"),
        ({"embedding": [0.0] * 100}, "length 0, not 1"),
        ({"embedding": [1.0] * 100}, "length 10, not 1"),
        ({"embedding": [float("nan")] * 100}, "length nan, not 1"),
        ({"error": "CUDA out of memory"}, "answers: CUDA out of memory"),
        (["a"], "not an object"),
        (b"<html>", "not JSON"),
    ],
)
def test_what_is_no_vector_of_the_model_is_refused_and_not_asked_for_again(answer: Any, words: str) -> None:
    with scripted(always(200, answer)) as (address, bodies), remote(address) as provider:
        with pytest.raises(RemoteError) as refused:
            provider.embed_text("calm")
        assert words in str(refused.value)
        assert len(bodies) == 1


def test_the_replaced_service_is_believed_with_one_warning(caplog: pytest.LogCaptureFixture) -> None:
    script = always(200, {"embedding": UNIT, "dimensions": 100})
    with scripted(script) as (address, bodies), remote(address) as provider:
        assert np.allclose(provider.embed_text("calm"), UNIT)
        provider.embed_audio(BytesIO(b"\1\2"))
    assert bodies == [{"text": "calm"}, {"audio_b64": "AQI="}]
    assert caplog.text.count("does not say which model answers") == 1


@pytest.mark.parametrize("status", [0, 429, 500, 502, 503, 504])
def test_what_may_pass_is_tried_again(status: int) -> None:
    def script(number: int, _body: dict[str, Any]) -> tuple[int, Any, dict[str, str]]:
        return (status, {}, {}) if number < 3 else (200, {"embedding": UNIT}, {})

    with scripted(script) as (address, bodies), remote(address) as provider:
        assert np.allclose(provider.embed_text("calm"), UNIT)
        assert len(bodies) == 3


@pytest.mark.parametrize("status", [400, 401, 403, 404])
def test_what_will_not_pass_is_not(status: int) -> None:
    with scripted(always(status, {"detail": "no such workspace"})) as (address, bodies), remote(address) as provider:
        with pytest.raises(RemoteError, match=rf"refuses: no such workspace \({status}\)"):
            provider.embed_text("calm")
        assert len(bodies) == 1


def test_a_service_that_asks_for_more_time_than_there_is_gets_no_second_request() -> None:
    with scripted(always(503, {}, retry_after="60")) as (address, bodies), remote(address, timeout=5) as provider:
        with pytest.raises(RemoteError, match="answers 503"):
            provider.embed_text("calm")
        assert len(bodies) == 1


def test_the_deadline_ends_a_call_that_hangs() -> None:
    released = threading.Event()

    def hang(_number: int, _body: dict[str, Any]) -> tuple[int, Any, dict[str, str]]:
        assert released.wait(30)
        return 200, {"embedding": UNIT}, {}

    with scripted(hang) as (address, _), remote(address, timeout=0.3) as provider:
        with pytest.raises(RemoteError, match=r"cannot be reached|has not answered"):
            provider.embed_text("calm")
        released.set()


def test_a_service_that_is_down_is_left_alone_after_five_failures() -> None:
    def script(_number: int, body: dict[str, Any]) -> tuple[int, Any, dict[str, str]]:
        return (500, {}, {}) if "text" in body else (200, {"embedding": UNIT}, {})

    with scripted(script) as (address, bodies), remote(address) as provider:
        with pytest.raises(RemoteError):
            provider.embed_text("calm")
        asked = len(bodies)
        assert asked == 5
        with pytest.raises(RemoteError, match="failed 5 times in a row and is left alone"):
            provider.embed_text("calm")
        assert len(bodies) == asked
        # the other endpoint has done nothing wrong
        assert np.allclose(provider.embed_audio(BytesIO(b"\1")), UNIT)
        assert PROCESS.get_sample_value("vibe_search_circuit_open", {"service": "text embedding"}) == 1


def test_modals_redirect_of_a_long_call_is_followed() -> None:
    with scripted(always(303, b"", location="/result")) as (address, _), remote(address) as provider:
        assert np.allclose(provider.embed_text("calm"), UNIT)


def test_audibility_asks_for_the_bank_in_batches(service: str, in_process: EmbeddingProvider) -> None:
    """The service of these tests takes three texts at once and refuses more: then they are asked for one by one."""
    with remote(service) as provider:
        about_sound, about_nothing = (
            provider.sound_relatedness("soft piano music"),
            provider.sound_relatedness("the annual report"),
        )
    assert about_sound > about_nothing
    assert in_process.card == CARD


def test_batches_are_used_where_they_are_known() -> None:
    def script(_number: int, body: dict[str, Any]) -> tuple[int, Any, dict[str, str]]:
        if "texts" in body:
            return 200, {"embeddings": [UNIT] * len(body["texts"])}, {}
        return 200, {"embedding": UNIT}, {}

    with scripted(script) as (address, bodies), remote(address) as provider:
        provider.sound_relatedness("calm")
        provider.sound_relatedness("loud")
    batched = [body for body in bodies if "texts" in body]
    assert len(batched) > 1
    assert len(bodies) - len(batched) == 2


def test_a_text_that_was_just_embedded_is_not_asked_for_again() -> None:
    """A search wants its vector, and how much it speaks of sound."""
    with scripted(always(200, {"embedding": UNIT})) as (address, bodies), remote(address) as provider:
        provider.sound_relatedness("the bank is known now")
        del bodies[:]
        provider.embed_text("calm")
        provider.sound_relatedness("calm")
        assert bodies == [{"text": "calm"}]
        provider.sound_relatedness("loud")
        assert len(bodies) == 2


def test_the_bundled_model_measures_what_speaks_of_sound_here() -> None:
    """It does so in a way of its own; measured by the bank, its calibration would not fit."""
    settings = Settings(
        _env_file=None,
        modal_enabled=True,
        modal_model="musicnn-tags",
        modal_embed_audio_url="http://127.0.0.1:1/embed_audio",
        modal_embed_text_url="http://127.0.0.1:1/embed_text",
    )
    local = build_providers(Settings(_env_file=None)).embedding
    remote_one = build_remote(settings, local.card)
    assert remote_one is not None
    for text in ("calm acoustic guitar", "quarterly tax return"):
        assert remote_one.sound_relatedness(text) == local.sound_relatedness(text)
