"""CLAP (Wu et al., 2023) without torch: two ONNX files and a tokenizer, exported by `models.clap.export.export`.

A track is embedded in windows of fixed length, from where it is no longer silent to its end. The projections of the
windows, before they are scaled, are averaged, and the average is scaled to length 1: louder evidence counts more than
silence does.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import numpy as np
from tokenizers import Tokenizer

from models.audio import windows
from models.audio.decoding import decode_windows
from models.files.known_answers import AnswerCheck, give_notice
from models.relevance.sound_relatedness import TextRelatedness
from models.runtime.idle import LoadedOnDemand
from models.runtime.onnx_session import open_session
from models.runtime.recent_results import RecentResults
from models.runtime.run_options import RunOptions

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from models.audio.decoding import AudioSource, Waveform
    from models.card import ModelCard
    from models.model import TagContribution, UnitVector

TEXT_FILES = {"float32": "text.onnx", "int8": "text.int8.onnx"}
"""The text half in either precision, by the last word of the pipeline's `precision`."""

MOST_TOKENS = 128
"""A query of 100 characters has far fewer; what is longer is cut off."""

_SPIN_MICROSECONDS = 200
"""Longer than the pauses between the products of one pass over audio, and no longer."""

_log = logging.getLogger(__name__)

# Texts whose vectors are kept for the question how much they speak of sound, which follows at once.
_KEPT = 16


class _TextHalf(NamedTuple):
    tokenizer: Tokenizer
    session: Any

    def embed(self, text: str) -> UnitVector:
        # half of a character, from a client that cut one in two, cannot be tokenised
        encoded = self.tokenizer.encode(text.encode("utf-8", "replace").decode("utf-8"))
        feed = {
            "input_ids": np.array([encoded.ids], np.int64),
            "attention_mask": np.array([encoded.attention_mask], np.int64),
        }
        return cast("UnitVector", self.session.run(["embedding"], feed)[0][0])


class Clap:
    """`models.model.EmbeddingModel` for every `ClapModel` checkpoint. Safe to use from several threads.

    When a half is first loaded, it is compared with the model's known answers. Where the text half in int8 does not
    give them, the one in float32 reads texts; any other half that does not is refused.

    Args:
        card: An installed model's card.
        options: How it runs.
    """

    def __init__(self, card: ModelCard, options: RunOptions | None = None) -> None:
        self._card = card
        self._options = RunOptions() if options is None else options
        self._text_precision = str(card.pipeline["precision"]).rpartition(" ")[2]
        self._check = AnswerCheck(card)
        self._text = LoadedOnDemand(self._load_text, self._options.text_idle_seconds)
        self._audio = LoadedOnDemand(self._load_audio, self._options.audio_idle_seconds)
        self._recent: RecentResults[UnitVector] = RecentResults(_KEPT)
        self._sound_relatedness = TextRelatedness(self.embed_texts)

    @property
    def card(self) -> ModelCard:
        """The model's entry in the manifest."""
        return self._card

    def load_text(self) -> None:
        """Load the text half, and embed all that the question how much a text speaks of sound needs."""
        self.embed_text("sound")
        self._sound_relatedness.prepare()

    def embed_text(self, text: str) -> UnitVector:
        """Embed a description; see `EmbeddingModel.embed_text`."""
        if not text.strip():
            raise ValueError("the text has no words")
        return self._recent.get(text.encode("utf-8", "surrogatepass"), lambda: self._embed(text)).copy()

    def embed_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Embed several descriptions, shape `(texts, dimensions)`.

        They go through one by one: a text's vector must not depend on the company that it comes in.
        """
        return np.stack([self.embed_text(text) for text in texts])

    def sound_relatedness(self, text: str) -> float:
        """How much nearer the text is to descriptions of sounds than to other texts; by `models.relevance`."""
        return self._sound_relatedness.measure(self.embed_text(text))

    def embed_audio(self, waveform: Waveform) -> UnitVector:
        """Embed a whole track; see `EmbeddingModel.embed_audio`."""
        samples = np.asarray(waveform, np.float32)
        if samples.ndim != 1 or samples.size == 0:
            raise ValueError(f"a waveform has the shape (samples,), with samples > 0, not {samples.shape}")
        if not np.isfinite(samples).all():
            raise ValueError("the waveform holds values that are not finite")
        with self._audio.use() as session:
            return self._pool(session, self._cut(samples))

    def embed_file(self, source: AudioSource, *, max_seconds: float | None = None) -> UnitVector:
        """Embed a recording; however long it is, the memory is bounded.

        Args:
            source: A path or a seekable binary file.
            max_seconds: Audio beyond which windows are spread evenly over the recording, where that is less than the
                model's own limit.

        Raises:
            models.audio.decoding.AudioError: The file cannot be decoded.
        """
        plan = self._card.pipeline["windows"]
        size, hop, most, rate = plan["size"], plan["hop"], plan["most"], self._card.sample_rate
        if max_seconds is not None:
            most = min(most, windows.count_windows(round(max_seconds * rate), size, hop))
        with self._audio.use() as session:
            parts = decode_windows(source, rate, size=size, hop=hop, most=most, limits=self._options.decoder)
            return self._pool(session, parts)

    def explain(
        self,
        query_vector: UnitVector,
        track_vector: UnitVector,
        top: int = 3,  # noqa: ARG002 - the protocol's
    ) -> list[TagContribution]:
        """Nothing: the dimensions bear no names."""
        for vector in (query_vector, track_vector):
            if vector.shape != (self._card.dimensions,):
                raise ValueError(f"a vector has the shape ({self._card.dimensions},), not {vector.shape}")
        return []

    def _embed(self, text: str) -> UnitVector:
        with self._text.use() as half:
            return half.embed(text)

    def _cut(self, samples: Waveform) -> Iterable[Waveform]:
        """The windows of a track."""
        plan = self._card.pipeline["windows"]
        size = plan["size"]
        samples = next(iter(windows.AfterSilence([samples])), np.zeros(size, np.float32))
        if samples.size < size:
            return [windows.repeat_and_pad(samples, size)]
        starts = windows.spread_starts(samples.size, size, plan["hop"], plan["most"])
        return (samples[start : start + size] for start in starts)

    def _pool(self, session: Any, parts: Iterable[Waveform]) -> UnitVector:  # noqa: ANN401 - a session of ONNX Runtime, which has no annotations
        """Mean of the windows' projections, scaled to length 1."""
        total: NDArray[np.float64] = np.zeros(1)
        for batch in windows.batched(parts, self._options.batch_windows):
            projections = session.run(["projection"], {"waveform": batch})[0]
            # one by one, in their order: the sum does not depend on the size of a batch
            for projection in projections:
                total = total + projection
        vector: UnitVector = (total / np.linalg.norm(total)).astype(np.float32)
        return vector

    def _load_text(self) -> _TextHalf:
        if self._text_precision == "int8":
            half = self._open_text()
            fault = self._check.int8_fault(half.embed)
            if fault is None:
                return half
            del half
            self._text_precision = "float32"
            notice = (
                f"{fault}: texts are read in float32 here, which is slower. Export {self._card.name} on this machine, "
                "and the export finds a form in int8 that holds"
            )
            give_notice(self._card, notice)
            _log.warning("%s: %s", self._card.identity, notice)
        refused = self._check.refused("texts")
        if refused is not None:
            raise refused
        half = self._open_text()
        self._check.require_texts(half.embed)
        return half

    def _load_audio(self) -> Any:  # noqa: ANN401 - as above
        refused = self._check.refused("sounds")
        if refused is not None:
            raise refused
        session = self._open("audio.onnx", spin_microseconds=_SPIN_MICROSECONDS)
        self._check.require_sounds(lambda sound: self._pool(session, self._cut(sound)))
        return session

    def _open_text(self) -> _TextHalf:
        return _TextHalf(_open_tokenizer(self._card), self._open(TEXT_FILES[self._text_precision]))

    def _open(self, filename: str, *, spin_microseconds: int = 0) -> Any:  # noqa: ANN401 - a session of ONNX Runtime, which has no annotations
        return open_session(
            self._card.locate(filename),
            threads=self._options.threads,
            device=self._options.device,
            spin_microseconds=spin_microseconds,
        )


def _open_tokenizer(card: ModelCard) -> Tokenizer:
    tokenizer = Tokenizer.from_file(str(card.locate("tokenizer.json")))
    tokenizer.no_padding()
    tokenizer.enable_truncation(MOST_TOKENS)
    return tokenizer
