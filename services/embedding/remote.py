"""Embedding by a service that is asked over HTTP: the CLAP service, here or on Modal, or the one that it replaces."""

import base64
import logging
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from threading import Lock
from typing import Any, BinaryIO, TypeAlias

import httpx2
import numpy as np
from numpy import float32
from numpy.typing import NDArray

from models.audio.decoding import AudioError
from models.registry import ModelCard
from models.relevance.sound_relatedness import TextRelatedness
from services.attempts import RETRIED, TryAgainError, attempts_within, read_retry_after
from services.breaker import CircuitBreaker, CircuitOpenError

_log = logging.getLogger(__name__)

Answer: TypeAlias = dict[str, Any]

_LENGTH_TOLERANCE = 1e-2
"""A vector that is off by more is not of length 1, and something else than what was asked for."""

_UNKNOWN_FORM = frozenset({400, 404, 405, 422})
"""Statuses by which a service says that it does not know the batch form."""

_FAILURES_IN_A_ROW = 5
_OPEN_SECONDS = 10.0
_BATCH = 32
_CONNECT_SECONDS = 5.0
_LATEST = 64
"""Texts whose vectors are kept for a moment: a search asks for a vector, and then how much the text speaks of sound."""

_MOST_REDIRECTS = 20
"""Modal answers a call of more than 150 s by a redirect to where its result will be, again and again."""


class RemoteError(RuntimeError):
    """The service does not answer, or answers what cannot be used; the message says which and why."""


class _TryAgainError(TryAgainError, RemoteError):
    """The service may answer at the next attempt."""


class _RefusedError(RemoteError):
    """The service says that the request is wrong."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"the service refuses: {message} ({status})")
        self.status = status
        self.reason = message


class RemoteEmbedding:
    """A provider whose model runs elsewhere. Safe to use from several threads.

    Args:
        card: The model that should answer. An answer of another identity, or with other dimensions, is refused.
        audio_url: Where audio is embedded.
        text_url: Where texts are.
        timeout_seconds: How long one call may take, repetitions included.
        sound_relatedness: How much a text speaks of sound, where the model has a measure of its own; otherwise its
            vector is
            compared with a bank of texts.
    """

    def __init__(
        self,
        card: ModelCard,
        *,
        audio_url: str,
        text_url: str,
        timeout_seconds: float,
        sound_relatedness: Callable[[str], float] | None = None,
    ) -> None:
        self._card = card
        self._audio_url = audio_url
        self._text_url = text_url
        self._timeout_seconds = timeout_seconds
        self._client = httpx2.Client(follow_redirects=True, max_redirects=_MOST_REDIRECTS)
        # apart: a text waits for nobody's recording, and a service that chokes on one may answer the other
        self._breakers = {
            url: CircuitBreaker(service, failures=_FAILURES_IN_A_ROW, open_seconds=_OPEN_SECONDS)
            for service, url in (("audio embedding", audio_url), ("text embedding", text_url))
        }
        self._sound_relatedness = TextRelatedness(self._embed_texts)
        self._own_sound_relatedness = sound_relatedness
        self._latest: OrderedDict[str, NDArray[float32]] = OrderedDict()
        self._latest_lock = Lock()
        self._warned = False

    @property
    def card(self) -> ModelCard:
        """The model that should answer."""
        return self._card

    def load(self) -> None:
        """Nothing: the model is loaded elsewhere, by whoever asks first."""

    def close(self) -> None:
        """Close idle connections."""
        self._client.close()

    def embed_audio(self, audio: BinaryIO, *, max_seconds: float | None = None) -> NDArray[float32]:  # noqa: ARG002 - how much is heard is the service's own affair
        """Unit vector of a recording.

        Raises:
            models.audio.decoding.AudioError: The service cannot decode it.
            RemoteError: The service does not answer, or not as it should.
        """
        body = {"audio_b64": base64.b64encode(audio.read()).decode("ascii")}
        try:
            answer = self._ask(self._audio_url, body)
        except _RefusedError as error:
            if error.status in {413, 422}:
                raise AudioError(error.reason) from error
            raise
        return self._read(answer, answer.get("embedding"))

    def embed_text(self, text: str) -> NDArray[float32]:
        """Unit vector of a description.

        Raises:
            ValueError: The service finds nothing in it to embed.
            RemoteError: The service does not answer, or not as it should.
        """
        try:
            answer = self._ask(self._text_url, {"text": text})
        except _RefusedError as error:
            if error.status == httpx2.codes.UNPROCESSABLE_CONTENT:
                raise ValueError(error.reason) from error
            raise
        vector = self._read(answer, answer.get("embedding"))
        with self._latest_lock:
            self._latest[text] = vector
            if len(self._latest) > _LATEST:
                self._latest.popitem(last=False)
        return vector

    def sound_relatedness(self, text: str) -> float:
        """How much a text speaks of sound; the texts that it is compared with are asked for once."""
        if self._own_sound_relatedness is not None:
            return self._own_sound_relatedness(text)
        with self._latest_lock:
            vector = self._latest.get(text)
        return self._sound_relatedness.measure(self.embed_text(text) if vector is None else vector)

    def _embed_texts(self, texts: Sequence[str]) -> NDArray[float32]:
        """Many at once where the service knows how; the one that is replaced does not."""
        vectors: list[NDArray[float32]] = []
        for start in range(0, len(texts), _BATCH):
            batch = list(texts[start : start + _BATCH])
            try:
                answer = self._ask(self._text_url, {"texts": batch})
            except _RefusedError as error:
                if error.status not in _UNKNOWN_FORM:
                    raise
                return np.stack([self.embed_text(text) for text in texts])
            found = answer.get("embeddings")
            if not isinstance(found, list) or len(found) != len(batch):
                return np.stack([self.embed_text(text) for text in texts])
            vectors += [self._read(answer, vector) for vector in found]
        return np.stack(vectors)

    def _ask(self, url: str, body: dict[str, Any]) -> Answer:
        """Ask until there is an answer, the time is over, or the service is to be left alone."""
        deadline = time.monotonic() + self._timeout_seconds
        breaker = self._breakers[url]

        def attempt() -> Answer:
            with breaker.call(_TryAgainError):
                return self._post(url, body, deadline)

        try:
            return attempts_within(self._timeout_seconds)(attempt)
        except CircuitOpenError as error:
            raise RemoteError(f"{url} is not asked: {error}") from error

    def _post(self, url: str, body: dict[str, Any], deadline: float) -> Answer:
        left = deadline - time.monotonic()
        if left <= 0:
            raise RemoteError(f"{url} has not answered within {self._timeout_seconds:g} s")
        timeout = httpx2.Timeout(left, connect=min(left, _CONNECT_SECONDS))
        try:
            answer = self._client.post(url, json=body, timeout=timeout)
        except (httpx2.TransportError, httpx2.TooManyRedirects) as error:
            raise _TryAgainError(f"{url} cannot be reached: {str(error) or type(error).__name__}") from error
        if answer.status_code in RETRIED:
            raise _TryAgainError(
                f"{url} answers {answer.status_code}", read_retry_after(answer.headers.get("retry-after"))
            )
        if answer.is_error:
            raise _RefusedError(answer.status_code, _reason(answer))
        return self._decode(url, answer)

    def _decode(self, url: str, answer: httpx2.Response) -> Answer:
        try:
            content = answer.json()
        except ValueError as error:
            raise RemoteError(f"{url} answers something that is not JSON") from error
        if not isinstance(content, dict):
            raise RemoteError(f"{url} answers something that is not an object")
        if "error" in content:
            # the replaced service reports its failures so, with the status 200
            raise RemoteError(f"{url} answers: {content['error']}")
        return content

    def _read(self, answer: Answer, embedding: object) -> NDArray[float32]:
        """A vector of an answer, if it is one of the model that should have answered."""
        self._require_model(answer.get("model"))
        try:
            vector = np.asarray(embedding, float32)
        except (TypeError, ValueError) as error:
            raise RemoteError("the service answers something that is not a vector") from error
        if vector.shape != (self._card.dimensions,):
            raise RemoteError(
                f"the service answers with the shape {vector.shape}, and {self._card.identity} has "
                f"{self._card.dimensions} dimensions: does it run another model?"
            )
        length = float(np.linalg.norm(vector))
        if not abs(length - 1) <= _LENGTH_TOLERANCE:
            raise RemoteError(f"the service answers with a vector of length {length:g}, not 1")
        unit: NDArray[float32] = vector / float32(length)
        return unit

    def _require_model(self, identity: object) -> None:
        if identity is None and not self._warned:
            self._warned = True
            _log.warning(
                "%s does not say which model answers: it is taken to be %s", self._text_url, self._card.identity
            )
        if identity is not None and identity != self._card.identity:
            raise RemoteError(
                f"the service runs {identity}, and {self._card.identity} was expected: set MODAL_MODEL, "
                "and WINDOW_HOP_SECONDS and AUDIO_MAX_SECONDS, to the same on both sides"
            )


def _reason(answer: httpx2.Response) -> str:
    """What a refusal says, in words."""
    try:
        detail = answer.json()["detail"]
    except (ValueError, KeyError, TypeError):
        return answer.text.strip()[:200] or answer.reason_phrase
    if isinstance(detail, list) and detail and isinstance(detail[0], dict):
        return str(detail[0].get("msg", detail))
    return str(detail)
