"""What descriptions, near-duplicates and clips come to on the sample library, with the configured model.

Run it for another model before trusting the weights of app/search/query_vector.py and the threshold of
search.near_duplicate_similarity() with it.

Example:
    python -m scripts.measure.sounds descriptions
    python -m scripts.measure.sounds copies
"""

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from statistics import fmean

import av
import numpy as np
import typer
from av.audio.stream import AudioStream
from numpy import float32
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track
from rich.table import Table

import app.measure.sample
from app.measure.relevance import load_labels
from app.measure.relevance.metrics import average_precision
from app.measure.sample import load_library, recordings_dir
from app.providers import build_providers
from app.search.query_vector import Weights, combine
from app.settings import get_settings
from models.audio.decoding import decode
from services.embedding import EmbeddingProvider

Samples = NDArray[float32]
Chosen = NDArray[np.bool_]

_RATE = 48_000
_WEIGHTS = (0.0, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0)

# words, and the labelled description whose recordings they mean
_TEMPI = {"slow music", "fast music"}
_ACOUSTIC, _ELECTRONIC = "acoustic guitar and piano", "electronic synthesizer music"
_WANTED = {
    "slow music": "slow music",
    "fast music": "fast music",
    "calm": "peaceful and relaxing",
    "energetic": "high-energy driving",
    "cheerful": "upbeat feel-good",
    "nostalgic": "wistful memories of the past",
    "romantic": "gentle and loving",
}
_UNWANTED = {
    **dict.fromkeys(("electronic", "synthesizer"), _ELECTRONIC),
    **dict.fromkeys(("acoustic", "guitar", "piano"), _ACOUSTIC),
    "slow": "slow music",
    "fast": "fast music",
}
_CHANGES = {
    **dict.fromkeys(("slower", "slow"), "slow music"),
    **dict.fromkeys(("faster", "fast"), "fast music"),
    **dict.fromkeys(("electronic", "more electronic", "with synthesizer"), _ELECTRONIC),
    "acoustic": _ACOUSTIC,
}

_cli = typer.Typer(pretty_exceptions_enable=False)


@dataclass(frozen=True)
class _EmbeddedTracks:
    """The sample library as the model hears it: vectors of shape (tracks, dimensions), in the order of the names."""

    embedding: EmbeddingProvider
    names: list[str]
    vectors: Samples

    def meant_by(self, label: str) -> Chosen:
        """Which of the tracks a labelled description means."""
        labels = load_labels(Path(app.measure.sample.__file__).with_name("descriptions.toml"))
        relevant = next(query.relevant for query in labels.queries if query.text == label)
        return np.array([name in relevant for name in self.names])


@_cli.command()
def descriptions() -> None:
    """Mean average precision by the weight of negatives, and by that of words beside a track."""
    library = _embed_library()
    table = Table("weight", "words − negative", "track + words", "its first five are as near to the track as")
    for weight in track(_WEIGHTS, transient=True):
        pairs = fmean(_subtract(library, weight))
        words, similarities = zip(*_add_to_tracks(library, weight), strict=True)
        table.add_row(f"{weight:g}", f"{pairs:.3f}", f"{fmean(words):.3f}", f"{fmean(similarities):.3f}")
    Console().print(table)
    alone = [
        _precision(library.vectors @ combine(None, [library.embedding.embed_text(word)]), ~library.meant_by(label))
        for word, label in _UNWANTED.items()
    ]
    Console().print(f"a negative alone: {fmean(alone):.3f}")


@_cli.command()
def copies() -> None:
    """Similarity of changed copies and of clips to their tracks, and to the others."""
    library = _embed_library()
    found: dict[str, list[Samples]] = {name: [] for name in _COPIES}
    for name in track(library.names, description="encoding and listening", transient=True):
        waveform = decode(recordings_dir() / name, _RATE)
        for change, encode in _COPIES.items():
            found[change].append(library.embedding.embed_audio(io.BytesIO(encode(waveform))))
    table = Table("copy", "lowest", "mean", "highest of another", "first", "in the first three")
    for change, vectors in {"the track itself": library.vectors, **found}.items():
        cosines = np.array(vectors) @ library.vectors.T
        own = cosines.diagonal().copy()
        places = (cosines > own[:, None]).sum(axis=1)
        np.fill_diagonal(cosines, -1)
        figures = (own.min(), own.mean(), cosines.max())
        counts = (int((places == 0).sum()), int((places < 3).sum()))
        table.add_row(change, *(f"{figure:.3f}" for figure in figures), *map(str, counts))
    Console().print(table)


def _embed_library() -> _EmbeddedTracks:
    embedding = build_providers(get_settings()).embedding
    names = [entry.file for entry in load_library().tracks]
    vectors = []
    for name in track(names, description="listening", transient=True):
        with (recordings_dir() / name).open("rb") as audio:
            vectors.append(embedding.embed_audio(audio))
    return _EmbeddedTracks(embedding, names, np.array(vectors))


def _precision(similarities: Samples, relevant: Chosen) -> float:
    ranking = relevant[np.argsort(-similarities)].astype(int).tolist()
    return average_precision(ranking, int(relevant.sum()))


def _subtract(library: _EmbeddedTracks, weight: float) -> Iterator[float]:
    """Average precision of each pair of words and a negative that leaves something to find."""
    for (words, wanted), (negative, unwanted) in product(_WANTED.items(), _UNWANTED.items()):
        relevant = library.meant_by(wanted) & ~library.meant_by(unwanted)
        if relevant.any() and not {wanted, unwanted} <= _TEMPI:
            parts = library.embedding.embed_text(words), [library.embedding.embed_text(negative)]
            yield _precision(library.vectors @ combine(*parts, weights=Weights(negatives=weight)), relevant)


def _add_to_tracks(library: _EmbeddedTracks, weight: float) -> Iterator[tuple[float, float]]:
    """For each track and wording that does not apply to it: average precision of the words, similarity to the track."""
    for words, label in _CHANGES.items():
        meant = library.meant_by(label)
        for place in np.flatnonzero(~meant):
            liked, others = library.vectors[place], np.delete(library.vectors, place, axis=0)
            weights = Weights(words_beside_tracks=weight)
            similarities = others @ combine(library.embedding.embed_text(words), [], [liked], weights=weights)
            first = others[np.argsort(-similarities)[:5]]
            yield _precision(similarities, np.delete(meant, place)), float((first @ liked).mean())


def _encode(waveform: Samples, container: str, codec: str, kilobits: int) -> bytes:
    """A mono file of a waveform at 48 kHz."""
    file = io.BytesIO()
    rate = _RATE if codec == "libopus" else 44_100
    with av.open(file, "w", format=container) as output:
        stream = output.add_stream(codec, rate=rate, layout="mono")
        if not isinstance(stream, AudioStream):
            raise TypeError(f"{codec} is no codec of audio")
        stream.bit_rate = 1000 * kilobits
        context = stream.codec_context
        resampler = av.AudioResampler(
            format=context.format, layout="mono", rate=rate, frame_size=context.frame_size or None
        )
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(waveform[None]), format="fltp", layout="mono")
        frame.sample_rate, frame.pts = _RATE, 0
        for piece in [*resampler.resample(frame), *resampler.resample(None), None]:
            output.mux(stream.encode(piece))
    return file.getvalue()


def _mp3(waveform: Samples, kilobits: int = 192) -> bytes:
    return _encode(waveform, "mp3", "libmp3lame", kilobits)


def _aac(waveform: Samples, kilobits: int = 96) -> bytes:
    return _encode(waveform, "adts", "aac", kilobits)


def _middle(waveform: Samples, seconds: float) -> Samples:
    start = max(0, (waveform.size - round(seconds * _RATE)) // 2)
    return waveform[start : start + round(seconds * _RATE)]


_COPIES: dict[str, Callable[[Samples], bytes]] = {
    "MP3, 128 kbit/s": lambda waveform: _mp3(waveform, 128),
    "MP3, 64 kbit/s": lambda waveform: _mp3(waveform, 64),
    "AAC, 96 kbit/s": _aac,
    "Opus, 32 kbit/s": lambda waveform: _encode(waveform, "ogg", "libopus", 32),
    "a quarter of the volume": lambda waveform: _mp3(waveform / np.float32(4)),
    "without the first second": lambda waveform: _mp3(waveform[_RATE:]),
    "without the last 3 s": lambda waveform: _aac(waveform[: -3 * _RATE], 128),
    "after 1.2 s of silence": lambda waveform: _mp3(np.pad(waveform, (round(1.2 * _RATE), 0))),
    "clip of 15 s, MP3": lambda waveform: _mp3(_middle(waveform, 15), 128),
    "clip of 15 s, AAC": lambda waveform: _aac(_middle(waveform, 15)),
    "clip of 8 s, MP3": lambda waveform: _mp3(_middle(waveform, 8), 128),
    "clip of 5 s, MP3": lambda waveform: _mp3(_middle(waveform, 5), 128),
}


if __name__ == "__main__":
    _cli()
