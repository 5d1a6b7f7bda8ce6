"""The bundled model: audio and text as weights over musicnn's hundred tags.

Two taggers (MagnaTagATune's 50 tags, then the Million Song Dataset's 50) share one ONNX file that takes
waveforms. A track, scaled to one peak, is the mean of their log-odds over its windows, standardised per tag;
a description is read by `models.musicnn.tag_language`. Every dimension bears a name, so every match can be explained.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

import numpy as np

from models.audio import windows
from models.audio.decoding import decode, normalise_peak
from models.files.known_answers import AnswerCheck
from models.genres import GenrePrediction, rank_genres
from models.model import TagContribution, UnitVector
from models.musicnn.tag_language import TagLanguage
from models.musicnn.word_vectors import WordVectors
from models.runtime.onnx_session import open_session
from models.runtime.recent_results import RecentResults
from models.runtime.run_options import RunOptions

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from models.audio.decoding import AudioSource, Waveform
    from models.card import ModelCard

# Windows that go through the network at once: about 30 MB of activations each.
_BATCH = 4

# Tracks whose log-odds are kept for their other job: as many as a worker may have under way, 100 kB each.
_KEPT = 16


@dataclass(frozen=True, slots=True)
class WindowPlan:
    """How a track is cut, in samples at 16 kHz.

    Attributes:
        size: Length of a window: 187 frames of 512 samples, 256 apart, are 48,128 samples.
        hop: Distance between windows: 187 frames of 256 samples are 47,872, so that no frame is seen twice.
        margin: Zeros before and after the track, which centre the first frame on its first sample.
    """

    size: int
    hop: int
    margin: int


class MusicnnTagger:
    """The taggers alone: waveforms to log-odds. Safe to use from several threads."""

    def __init__(self, path: Path, plan: WindowPlan, *, peak: float | None, threads: int = 1) -> None:
        """Load the ONNX file.

        Args:
            path: The ONNX file.
            plan: How tracks are cut.
            peak: Magnitude to which the loudest sample of a track is scaled; None leaves tracks as they are.
            threads: Threads for one forward pass.

        Raises:
            ValueError: `threads` is not positive.
        """
        if threads < 1:
            raise ValueError(f"threads must be positive, not {threads}")
        # so small a network gains nothing from another device
        self._session = open_session(path, threads=threads, device="cpu")
        self._plan = plan
        self._peak = peak

    def log_odds(self, waveform: Waveform) -> NDArray[np.float32]:
        """Tag every window of a track.

        Args:
            waveform: Mono samples at 16 kHz, shape `(samples,)`; shorter ones than a window are repeated.

        Returns:
            Logits, shape `(windows, 100)`.

        Raises:
            ValueError: The waveform has no samples, more than one dimension, or values that are not finite.
        """
        plan = self._plan
        filled = windows.fill(np.asarray(waveform, np.float32), plan.size - 2 * plan.margin)
        if not np.isfinite(filled).all():
            raise ValueError("the waveform holds values that are not finite")
        levelled = filled if self._peak is None else normalise_peak(filled, self._peak)
        padded = np.pad(levelled, plan.margin)
        outputs = [
            self._session.run(["logits"], {"waveform": batch})[0]
            for batch in windows.batches(padded, plan.size, plan.hop, _BATCH)
        ]
        return np.concatenate(outputs)


class MusicnnTags:
    """`models.model.EmbeddingModel` and `models.genres.GenreModel` in one. Safe for several threads."""

    def __init__(self, card: ModelCard, options: RunOptions | None = None) -> None:
        """Load the model.

        Args:
            card: Its card, whose pipeline holds the parameters.
            options: How it runs; so small a model is never unloaded.

        Raises:
            models.card.ModelFileError: The card lacks a file, or this machine reads texts in another way.
            OSError: A file cannot be read.
            ValueError: The files contradict each other.
        """
        self._card = card
        self._options = RunOptions() if options is None else options
        tags = json.loads(card.locate("tags.json").read_text(encoding="utf-8"))
        self._names = [str(tag["name"]).lower() for tag in tags]
        self._genres = np.array([bool(tag["genre"]) for tag in tags])
        standard = json.loads(card.locate("standardisation.json").read_text(encoding="utf-8"))
        self._mean = np.array(standard["mean"], np.float64)
        self._scale = np.array(standard["scale"], np.float64)
        if not len(tags) == self._mean.size == self._scale.size == card.dimensions:
            raise ValueError(f"the files of {card.name} disagree on the number of tags")
        self._tagger = MusicnnTagger(
            card.locate("musicnn_tags.onnx"),
            WindowPlan(**card.pipeline["windows"]),
            peak=card.pipeline["peak"],
            threads=self._options.threads,
        )
        self._recent: RecentResults[NDArray[np.float32]] = RecentResults(_KEPT)
        vectors = WordVectors(
            card.locate("l2_supercat_256.safetensors"), card.locate("l2_supercat_tokenizer_config.json")
        )
        self._language = TagLanguage(
            self._names, card.locate("thesaurus.toml"), vectors, card.pipeline["text"]["temperature"]
        )
        self._check = AnswerCheck(card)
        self._check.require_texts(self.embed_text)

    @property
    def card(self) -> ModelCard:
        """The model's entry in the manifest."""
        return self._card

    @property
    def tags(self) -> tuple[str, ...]:
        """The dimensions' names in order, in lower case; some occur in both datasets and so twice."""
        return tuple(self._names)

    def embed_audio(self, waveform: Waveform) -> UnitVector:
        """Embed a whole track; see `EmbeddingModel.embed_audio`."""
        return self._vector(self._log_odds(waveform))

    def embed_file(self, source: AudioSource, *, max_seconds: float | None = None) -> UnitVector:
        """Embed a recording, from its start; see `EmbeddingModel.embed_file`."""
        waveform = decode(source, self._card.sample_rate, max_seconds=max_seconds, limits=self._options.decoder)
        return self.embed_audio(waveform)

    def load_text(self) -> None:
        """Nothing: everything was loaded with the model."""

    def embed_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Embed several descriptions, shape `(texts, 100)`."""
        return np.stack([self.embed_text(text) for text in texts])

    def embed_text(self, text: str) -> UnitVector:
        """Embed a description; see `EmbeddingModel.embed_text`."""
        return self._language.weigh(text).astype(np.float32)

    def sound_relatedness(self, text: str) -> float:
        """Closeness of the text's words to the tags' phrases, at most 1; see `EmbeddingModel.sound_relatedness`."""
        return self._language.sound_relatedness(text)

    def genre_predictions(self, waveform: Waveform, top: int = 10) -> list[GenrePrediction]:
        """Name a track's most probable genres; see `GenreModel.genre_predictions`."""
        return self._rank(self._log_odds(waveform), top)

    def explain(self, query_vector: UnitVector, track_vector: UnitVector, top: int = 3) -> list[TagContribution]:
        """Say which tags a description and a track share; see `EmbeddingModel.explain`."""
        for vector in (query_vector, track_vector):
            if vector.shape != (self._card.dimensions,):
                raise ValueError(f"a vector has the shape ({self._card.dimensions},), not {vector.shape}")
        shares: dict[str, float] = {}
        products = query_vector.astype(np.float64) * track_vector
        for name, product in zip(self._names, products, strict=True):
            shares[name] = shares.get(name, 0.0) + float(product)
        ranked = sorted(shares.items(), key=lambda item: (-item[1], item[0]))
        return [TagContribution(name, share) for name, share in ranked[: max(top, 0)] if share > 0]

    def _log_odds(self, waveform: Waveform) -> NDArray[np.float32]:
        """One forward pass serves the embedding and the genres of a track.

        Raises:
            models.files.known_answers.KnownAnswerError: This machine hears otherwise than the model should.
        """
        self._check.require_sounds(lambda sound: self._vector(self._tagger.log_odds(sound)))
        samples = np.ascontiguousarray(waveform, np.float32)
        return self._recent.get(sha256(samples.data).digest(), lambda: self._tagger.log_odds(waveform))

    def _vector(self, log_odds: NDArray[np.float32]) -> UnitVector:
        """Mean over windows, standardise per tag, scale to length 1."""
        mean = log_odds.mean(axis=0, dtype=np.float64)
        standardised = (mean - self._mean) / self._scale
        vector: UnitVector = (standardised / np.linalg.norm(standardised)).astype(np.float32)
        return vector

    def _rank(self, log_odds: NDArray[np.float32], top: int) -> list[GenrePrediction]:
        """Mean over windows of the probabilities, genres only."""
        probabilities = (1 / (1 + np.exp(-log_odds.astype(np.float64)))).mean(axis=0)
        pairs = zip(self._names, probabilities.tolist(), self._genres, strict=True)
        return rank_genres(((name, confidence) for name, confidence, genre in pairs if genre), top)
