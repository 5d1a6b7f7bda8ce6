"""What the endpoints do, wherever they are served."""

import base64
import binascii
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from threading import BoundedSemaphore
from typing import BinaryIO

from models.audio.decoding import AudioError, DecoderCrashedError, probe
from services.clap.contract import (
    AudioEmbeddings,
    AudioRequest,
    AudioResult,
    Embedding,
    Health,
    Recording,
    TextEmbeddings,
    TextRequest,
)
from services.clap.fetch import AudioFetcher
from services.clap.limits import Limits, RefusedError
from services.embedding.protocols import EmbeddingProvider


class EmbeddingService:
    """Embeds texts and recordings for whoever asks; the methods block and may be called from any thread.

    Args:
        provider: The model.
        limits: How much it takes.
        fetcher: Fetches recordings that are named by an address.
    """

    def __init__(self, provider: EmbeddingProvider, limits: Limits, fetcher: AudioFetcher) -> None:
        self._provider = provider
        self._limits = limits
        self._fetcher = fetcher
        self._places = BoundedSemaphore(limits.concurrency)

    def load(self) -> None:
        """Load the model's text half, and nothing else: a container that is started for one request is in a hurry."""
        self._provider.embed_text("sound")

    def close(self) -> None:
        """Close idle connections."""
        self._fetcher.close()

    def health(self) -> Health:
        """Which model answers."""
        return Health(status="ok", dimensions=self._provider.card.dimensions, model=self._provider.card.identity)

    def embed_text(self, request: TextRequest) -> Embedding | TextEmbeddings:
        """The vector of a text, or of each of several.

        Raises:
            RefusedError: The request is wrong, too large, or one too many.
        """
        if (request.text is None) == (request.texts is None):
            raise RefusedError(422, "say either text or texts", "text", kind="missing")
        with self._place():
            if request.texts is None:
                return self._answer(self._embed_one_text(str(request.text), "text"))
            self._require_batch(len(request.texts), "texts")
            vectors = [self._embed_one_text(text, "texts", number) for number, text in enumerate(request.texts)]
            card = self._provider.card
            return TextEmbeddings(embeddings=vectors, dimensions=card.dimensions, model=card.identity)

    def embed_audio(self, request: AudioRequest) -> Embedding | AudioEmbeddings:
        """The vector of a recording, or of each of several: one that cannot be decoded does not lose the others.

        Raises:
            RefusedError: The request is wrong, too large, or one too many; a single recording cannot be decoded.
        """
        if request.items is None:
            with self._place():
                return self._answer(self._embed_one_recording(request))
        if request.audio_b64 is not None or request.audio_url is not None:
            raise RefusedError(422, "say either items or one recording", "items")
        self._require_batch(len(request.items), "items")
        with self._place():
            results = [self._result(item, number) for number, item in enumerate(request.items)]
        card = self._provider.card
        return AudioEmbeddings(results=results, dimensions=card.dimensions, model=card.identity)

    @contextmanager
    def _place(self) -> Iterator[None]:
        if not self._places.acquire(blocking=False):
            raise RefusedError(503, "too many requests are being worked on: try again")
        try:
            yield
        finally:
            self._places.release()

    def _answer(self, vector: list[float]) -> Embedding:
        card = self._provider.card
        return Embedding(embedding=vector, dimensions=card.dimensions, model=card.identity)

    def _require_batch(self, length: int, field: str) -> None:
        if not 1 <= length <= self._limits.max_batch:
            message = f"1 to {self._limits.max_batch} at once (CLAP_MAX_BATCH), not {length}"
            raise RefusedError(422, message, field, kind="too_long")

    def _embed_one_text(self, text: str, *field: str | int) -> list[float]:
        try:
            return [float(value) for value in self._provider.embed_text(text)]
        except ValueError as error:
            raise RefusedError(422, str(error), *field) from error

    def _result(self, recording: Recording, number: int) -> AudioResult:
        try:
            return AudioResult(embedding=self._embed_one_recording(recording, "items", number))
        except RefusedError as error:
            return AudioResult(error=str(error))

    def _embed_one_recording(self, recording: Recording, *field: str | int) -> list[float]:
        audio, name = self._open(recording, field)
        try:
            seconds = probe(audio).duration
            if seconds is not None and seconds > self._limits.max_seconds:
                message = f"the recording is longer than {self._limits.max_seconds:g} s (CLAP_MAX_SECONDS)"
                raise RefusedError(413, message, *field, name, kind="too_long")
            audio.seek(0)
            return [float(value) for value in self._provider.embed_audio(audio)]
        except AudioError as error:
            raise RefusedError(422, str(error), *field, name, kind="audio") from error
        except DecoderCrashedError as error:
            raise RefusedError(503, f"{error}: try again") from error

    def _open(self, recording: Recording, field: tuple[str | int, ...]) -> tuple[BinaryIO, str]:
        if (recording.audio_b64 is None) == (recording.audio_url is None):
            raise RefusedError(422, "say either audio_b64 or audio_url", *field, "audio_b64", kind="missing")
        if recording.audio_url is not None:
            return self._fetcher.fetch(recording.audio_url, *field, "audio_url"), "audio_url"
        try:
            content = base64.b64decode(str(recording.audio_b64), validate=True)
        except (binascii.Error, ValueError) as error:
            raise RefusedError(422, f"not base64: {error}", *field, "audio_b64", kind="base64") from error
        if len(content) > self._limits.max_bytes:
            message = f"the recording has more than {self._limits.max_bytes} bytes (CLAP_MAX_BYTES)"
            raise RefusedError(413, message, *field, "audio_b64", kind="too_large")
        return BytesIO(content), "audio_b64"
