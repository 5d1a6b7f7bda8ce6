"""Texts and a sound whose vectors are known, by which a machine shows that it computes a model as another one did.

Processors add and round in different orders, and some have instructions that others lack. So a model carries what its
float32 form made of a few texts and of a synthetic sound. They are compared when a half of it is first loaded.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from models.card import ModelCard, ModelFileError

if TYPE_CHECKING:
    from pathlib import Path

    from models.audio.decoding import Waveform
    from models.model import UnitVector

TEXTS = (
    "slow sad solo piano",
    "fast electronic dance music with a heavy beat",
    "a woman singing softly with an acoustic guitar",
    "rain and thunder",
)
"""Short and long, of instruments, voices and noises."""

MOST_DIFFERENCE = 1e-4
"""Between an element of a float32 vector and the known one, on any processor: what an export allows as well."""

LEAST_COSINE = 0.998
"""Between a vector of a text half in int8 and the known one in float32, on any processor. An export demands 0.999."""

LEAST_TRANSPORTED_COSINE = 0.999
"""Between the vector of a sound that travelled as 16-bit WAV and the known one."""

_SOUND = "beats and a chord, 1"
_SECONDS = 2
_FULL_SCALE = 32_768

Embed: TypeAlias = Callable[[Any], "UnitVector"]


class KnownAnswerError(ModelFileError):
    """This machine computes other vectors than the model has; the message says by how much and what to do."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a model makes of a text or a sound.

    Attributes:
        asked: The text, or the name of the sound.
        vector: Of the model in float32, shape (dimensions,).
        int8: What a text half in int8 made of it on the machine that wrote the file, of the same shape; None where
            there is no such half.
    """

    asked: str
    vector: UnitVector
    int8: UnitVector | None = None


@dataclass(frozen=True, slots=True)
class KnownAnswers:
    """The known answers of a model."""

    texts: tuple[Answer, ...]
    sounds: tuple[Answer, ...]


@dataclass(frozen=True, slots=True)
class Deviation:
    """How far vectors are from the known ones.

    Attributes:
        difference: Largest of an element.
        cosine: Smallest.
    """

    difference: float
    cosine: float

    @property
    def same(self) -> bool:
        """Whether they are the known ones but for rounding in float32; NaN is not."""
        return self.difference <= MOST_DIFFERENCE

    @property
    def near(self) -> bool:
        """Whether they are as near as vectors in int8 have to be; NaN is not."""
        return self.cosine >= LEAST_COSINE


def make_sound(name: str, sample_rate: int) -> Waveform | None:
    """The sound of a name: two seconds, the same samples on every machine, since whole numbers make it.

    Args:
        name: From a file of known answers.
        sample_rate: In Hz.

    Returns:
        Mono samples within -1 to 1, or None for a name that is not known.
    """
    if name != _SOUND:
        return None
    place = np.arange(_SECONDS * sample_rate, dtype=np.int64)
    noise = _noise(place)
    # a burst of noise every half second, which dies away within it
    beat = sample_rate // 2
    burst = noise * (beat - place % beat) // (2 * beat)
    chord = sum(_triangle(place, pitch, sample_rate) // 12 for pitch in (110, 277, 660, 1760))
    samples = burst + chord + noise // 64
    return (samples / _FULL_SCALE).astype(np.float32)


def known_sounds(sample_rate: int) -> dict[str, Waveform]:
    """The sounds of newly written known answers, by name.

    Args:
        sample_rate: In Hz.
    """
    sounds = {name: make_sound(name, sample_rate) for name in (_SOUND,)}
    return {name: sound for name, sound in sounds.items() if sound is not None}


def write_answers(path: Path, answers: KnownAnswers) -> None:
    """Write a file of known answers: vectors as base64 of little-endian float32.

    Raises:
        OSError: It cannot be written.
    """
    content = {
        "texts": [_entry("text", answer) for answer in answers.texts],
        "sounds": [_entry("sound", answer) for answer in answers.sounds],
    }
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def read_answers(card: ModelCard) -> KnownAnswers | None:
    """The known answers of a model.

    Returns:
        They, or None for a model that has none: one that was exported before there were any, or is not installed.

    Raises:
        ModelFileError: The file is missing or no such file.
    """
    if card.answers is None:
        return None
    path = card.answers.locate(card.folder)
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return KnownAnswers(
            tuple(_read_entry("text", entry) for entry in content["texts"]),
            tuple(_read_entry("sound", entry) for entry in content["sounds"]),
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelFileError(f"{card.name}: {path} cannot be read ({error}): install the model again") from error


def compare_texts(answers: KnownAnswers, embed: Embed) -> Deviation:
    """How far vectors of the known texts are from the known ones.

    Args:
        answers: The known ones, with at least one text.
        embed: Text to unit vector.
    """
    return _deviation((embed(answer.asked), answer.vector) for answer in answers.texts)


def compare_sounds(answers: KnownAnswers, sample_rate: int, embed: Embed) -> Deviation:
    """The same of the known sounds.

    Args:
        answers: The known ones. Sounds that this version cannot make are left out.
        sample_rate: What the model hears, in Hz.
        embed: Waveform to unit vector.
    """
    made = ((make_sound(answer.asked, sample_rate), answer.vector) for answer in answers.sounds)
    return _deviation((embed(sound), vector) for sound, vector in made if sound is not None)


class AnswerCheck:
    """Compares the halves of a model with its known answers, each once. Safe to use from several threads.

    Args:
        card: The model; one without known answers passes.
    """

    def __init__(self, card: ModelCard) -> None:
        self._card = card
        self._lock = Lock()
        self._faults: dict[str, str | None] = {}

    def require_texts(self, embed: Embed) -> None:
        """Refuse a text half in float32 that does not give the known vectors.

        Args:
            embed: Text to unit vector.

        Raises:
            KnownAnswerError: It gives others, now or the first time that it was asked.
        """
        self._require("texts", lambda answers: compare_texts(answers, embed))

    def require_sounds(self, embed: Embed) -> None:
        """The same of the audio half.

        Args:
            embed: Waveform to unit vector.

        Raises:
            KnownAnswerError: As there.
        """
        self._require("sounds", lambda answers: compare_sounds(answers, self._card.sample_rate, embed))

    def refused(self, part: str) -> KnownAnswerError | None:
        """What was found wrong before with `texts` or `sounds`, so that nothing has to be loaded to say it again."""
        fault = self._faults.get(part)
        return None if fault is None else KnownAnswerError(fault)

    def int8_fault(self, embed: Embed) -> str | None:
        """What is wrong with a text half in int8, in words; None where it is as near as it has to be.

        Args:
            embed: Text to unit vector.
        """

        def judge(answers: KnownAnswers) -> str | None:
            found = compare_texts(answers, embed)
            if found.near:
                return None
            return f"int8 texts have a cosine of {found.cosine:.4f} to the known ones, and {LEAST_COSINE} is needed"

        return self._judge("int8", judge)

    def _require(self, part: str, compare: Callable[[KnownAnswers], Deviation]) -> None:
        def judge(answers: KnownAnswers) -> str | None:
            found = compare(answers)
            return None if found.same else self._refusal(part, found)

        fault = self._judge(part, judge)
        if fault is not None:
            raise KnownAnswerError(fault)

    def _judge(self, part: str, judge: Callable[[KnownAnswers], str | None]) -> str | None:
        with self._lock:
            if part not in self._faults:
                answers = read_answers(self._card)
                self._faults[part] = None if answers is None else judge(answers)
            return self._faults[part]

    def _refusal(self, part: str, found: Deviation) -> str:
        name = self._card.name
        again = "" if self._card.bundled else f", or export it on this machine (vibe-search models export {name})"
        return (
            f"{self._card.identity} may not serve on this machine: its {part} differ from the known answers by "
            f"{found.difference:.1e}, and {MOST_DIFFERENCE:.0e} is allowed. Install the libraries of constraints.txt, "
            f"set MODEL_DEVICE=cpu{again}"
        )


_notices: dict[tuple[str, Path | None], str] = {}


def give_notice(card: ModelCard, notice: str) -> None:
    """Keep in words what serves otherwise than it should on this machine, for `find_notice`."""
    _notices[card.identity, card.folder] = notice


def find_notice(card: ModelCard) -> str | None:
    """What this process has found about a model that serves all the same; None where all is well."""
    return _notices.get((card.identity, card.folder))


def _noise(place: NDArray[np.int64]) -> NDArray[np.int64]:
    """White noise in 16 bits: each place is mixed as in the last step of MurmurHash3."""
    mixed = place.astype(np.uint32) * np.uint32(0x9E3779B9)
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35)):
        mixed = (mixed ^ (mixed >> np.uint32(shift))) * np.uint32(factor)
    return (mixed >> np.uint32(16)).astype(np.int64) - _FULL_SCALE


def _triangle(place: NDArray[np.int64], pitch: int, sample_rate: int) -> NDArray[np.int64]:
    """A triangle wave in 16 bits."""
    phase = place * pitch * 2 * _FULL_SCALE // sample_rate % (2 * _FULL_SCALE)
    wave: NDArray[np.int64] = 2 * np.abs(phase - _FULL_SCALE) - _FULL_SCALE
    return wave


def _deviation(pairs: Iterable[tuple[UnitVector, UnitVector]]) -> Deviation:
    difference, cosine = 0.0, 1.0
    for found, known in pairs:
        if found.shape != known.shape:
            return Deviation(float("inf"), -1.0)
        # np.fmax and np.fmin would pass NaN over
        difference = float(np.maximum(difference, np.abs(found - known).max()))
        cosine = float(np.minimum(cosine, found.astype(np.float64) @ known.astype(np.float64)))
    return Deviation(difference, cosine)


def _entry(kind: str, answer: Answer) -> dict[str, str]:
    entry = {kind: answer.asked, "vector": _encode(answer.vector)}
    return entry if answer.int8 is None else entry | {"int8": _encode(answer.int8)}


def _read_entry(kind: str, entry: dict[str, str]) -> Answer:
    return Answer(entry[kind], _decode(entry["vector"]), _decode(entry["int8"]) if "int8" in entry else None)


def _encode(vector: UnitVector) -> str:
    return base64.b64encode(vector.astype("<f4").tobytes()).decode("ascii")


def _decode(text: str) -> UnitVector:
    return np.frombuffer(base64.b64decode(text, validate=True), "<f4").astype(np.float32)
