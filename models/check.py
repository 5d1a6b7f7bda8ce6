"""Whether a model may serve: what must hold of any, and what has been seen to go wrong with some."""

from __future__ import annotations

import json
import tomllib
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from models.card import ModelFileError
from models.files.known_answers import (
    LEAST_COSINE,
    LEAST_TRANSPORTED_COSINE,
    MOST_DIFFERENCE,
    KnownAnswerError,
    compare_sounds,
    compare_texts,
    find_notice,
    read_answers,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from models.card import ModelCard
    from models.files.known_answers import KnownAnswers

PROMPTS = Path(__file__).with_name("check_prompts.toml")

MOST_TEXT_COSINE = 0.97
"""Mean over all pairs of prompts. laion/clap-htsat-unfused has about 0.2 (published: -0.01 to 0.50 between queries) and
random weights 0.6 to 0.95; laion/larger_clap_music, whose text projection is collapsed, has 0.999 (published)."""

MOST_AUDIO_COSINE = 0.99
"""Mean over all pairs of the test sounds, which are as different as sounds can be."""

LENGTH_TOLERANCE = 1e-3
"""By which the length of a unit vector may miss 1: vectors are stored in halves."""

_ANSWERS = "known answers"
_SECONDS = 12.0
_PAIR = ("jazz standard", "heavy metal")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was checked.

    Attributes:
        name: What it is about.
        passed: Whether it holds.
        value: What was found, in words or figures.
        limit: What would have been right.
        advice: What a failure means and what to do. Where it holds, what could be better; mostly empty.
    """

    name: str
    passed: bool
    value: str
    limit: str
    advice: str = ""


@dataclass(frozen=True, slots=True)
class CheckReport:
    """Everything that was checked of one model.

    Attributes:
        identity: The model.
        findings: In the order of checking.
    """

    identity: str
    findings: tuple[Finding, ...]

    @property
    def passed(self) -> bool:
        """Whether the model may serve."""
        return all(finding.passed for finding in self.findings)

    def as_dict(self) -> dict[str, Any]:
        """For machines."""
        return {"identity": self.identity, "passed": self.passed, "findings": [asdict(f) for f in self.findings]}


def load_prompts() -> list[str]:
    """The fixed bank of queries."""
    prompts: list[str] = tomllib.loads(PROMPTS.read_text(encoding="utf-8"))["prompts"]
    return prompts


class Checked(Protocol):
    """What is asked of a model, here or elsewhere."""

    @property
    def card(self) -> ModelCard:
        """The model's entry in the manifest."""
        ...

    def embed_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Unit vectors of descriptions, shape (texts, dimensions)."""
        ...

    def embed_audio(self, waveform: NDArray[np.float32]) -> NDArray[np.float32]:
        """Unit vector of samples, shape (dimensions,)."""
        ...


def check_model(model: Checked, *, elsewhere: bool = False) -> CheckReport:
    """Embed fixed texts and sounds, and look at what comes out.

    Args:
        model: An opened model.
        elsewhere: Whether its files lie on another machine, so that only its identity tells how it hears audio.

    Returns:
        What was found; nothing is raised for what is wrong with the model's vectors. A model that hears audio in
        another way than its card says is not run, and of one with other vectors than the known ones nothing else is
        looked at.
    """
    preprocessing = _vouched_preprocessing() if elsewhere else _check_preprocessing(model)
    if not preprocessing.passed:
        return CheckReport(model.card.identity, (preprocessing,))
    answers = check_answers(model, elsewhere=elsewhere)
    if not answers.passed:
        return CheckReport(model.card.identity, (preprocessing, answers))
    prompts = load_prompts()
    texts = model.embed_texts(prompts)
    sounds = make_sounds(model.card.sample_rate)
    vectors = np.stack([model.embed_audio(sound) for sound in sounds])
    findings = [
        preprocessing,
        answers,
        _check_dimensions(model, texts, vectors),
        _check_finite(texts, vectors),
        _check_length(texts, vectors),
        _check_repetition(model, prompts, texts, sounds, vectors),
        _check_texts(model, texts),
        _check_sounds(vectors),
    ]
    return CheckReport(model.card.identity, tuple(findings))


def make_sounds(sample_rate: int) -> list[NDArray[np.float32]]:
    """Eight sounds of twelve seconds, and one of half a second, as different as sounds can be.

    Args:
        sample_rate: In Hz.
    """
    random = np.random.default_rng(64)
    seconds = np.arange(int(_SECONDS * sample_rate)) / sample_rate
    noise = random.standard_normal(seconds.size)
    beat = np.exp(-12 * (seconds % 0.5))
    waves = [
        0.2 * noise,
        0.6 * np.sin(2 * np.pi * 110 * seconds),
        0.5 * np.sin(2 * np.pi * 3000 * seconds),
        0.4 * beat * noise,
        0.4 * beat * np.sin(2 * np.pi * 60 * seconds),
        0.2 * sum(np.sin(2 * np.pi * pitch * seconds) for pitch in (261.6, 329.6, 392.0)),
        0.4 * np.sin(2 * np.pi * (200 + 150 * seconds) * seconds),
        0.02 * np.cumsum(noise) / np.sqrt(np.arange(1, seconds.size + 1)),
        0.5 * np.sign(np.sin(2 * np.pi * 440 * seconds[: sample_rate // 2])),
    ]
    return [np.clip(wave, -1, 1).astype(np.float32) for wave in waves]


def _vouched_preprocessing() -> Finding:
    return Finding("preprocessing", True, "part of the identity that answers", "as in the manifest")


def _check_preprocessing(model: Checked) -> Finding:
    """The export's own figures against the manifest's; a bundled model has them in its code alone."""
    wanted = model.card.pipeline["preprocessing"]
    try:
        found = json.loads(model.card.locate("preprocessing.json").read_text(encoding="utf-8"))
    except ModelFileError:
        return Finding("preprocessing", True, "part of the model", "as in the manifest")
    differing = [key for key, value in wanted.items() if found.get(key) != value]
    return _finding(
        "preprocessing",
        passed=not differing,
        value=", ".join(f"{key} {found.get(key)}" for key in differing) or "equal",
        limit=", ".join(f"{key} {wanted[key]}" for key in differing) or "as in the manifest",
        advice="the checkpoint hears audio in another way than its card says: it is another model, and needs a card",
    )


def check_answers(model: Checked, *, elsewhere: bool = False) -> Finding:
    """Compare the vectors of a few texts and a sound with those that are known.

    Args:
        model: An opened model.
        elsewhere: As of `check_model`.
    """
    known = model.card.answers
    if elsewhere and known is not None and not known.locate(model.card.folder).is_file():
        return Finding(_ANSWERS, True, "not on this machine: the service compares them", "recorded by the export")
    answers = read_answers(model.card)
    if answers is None and not model.card.files:
        return Finding(
            _ANSWERS, True, "none here: the model is not installed on this machine", "recorded by the export"
        )
    if answers is None:
        again = f"export the model again (vibe-search models export {model.card.name}), and each machine is compared"
        return Finding(_ANSWERS, True, "none are recorded", "recorded by the export", again)
    try:
        finding = _compare_answers(model, answers, elsewhere=elsewhere)
    except KnownAnswerError as error:
        return _finding(_ANSWERS, passed=False, value="other vectors", limit="the known ones", advice=str(error))
    notice = None if elsewhere else find_notice(model.card)
    return finding if notice is None or not finding.passed else replace(finding, advice=notice)


def _compare_answers(model: Checked, answers: KnownAnswers, *, elsewhere: bool) -> Finding:
    texts = compare_texts(answers, lambda text: model.embed_texts([text])[0])
    sounds = compare_sounds(answers, model.card.sample_rate, model.embed_audio)
    int8 = str(model.card.pipeline["precision"]).endswith("int8")
    return _finding(
        _ANSWERS,
        passed=(texts.near if int8 else texts.same)
        and (sounds.cosine >= LEAST_TRANSPORTED_COSINE if elsewhere else sounds.same),
        value=(f"texts: cosine {texts.cosine:.5f}" if int8 else f"texts: off by {texts.difference:.1e}")
        + (f", sounds: cosine {sounds.cosine:.5f}" if elsewhere else f", sounds: off by {sounds.difference:.1e}"),
        limit=(f"{LEAST_COSINE}" if int8 else f"{MOST_DIFFERENCE:.0e}")
        + (f", {LEAST_TRANSPORTED_COSINE}" if elsewhere else f", {MOST_DIFFERENCE:.0e}"),
        advice="the vectors are not those of this model: the machine that runs it computes otherwise, or runs other "
        "files. Install the libraries of constraints.txt there, or export the model there",
    )


def _check_dimensions(model: Checked, *vectors: NDArray[np.float32]) -> Finding:
    found = sorted({part.shape[1] for part in vectors})
    return _finding(
        "dimensions",
        passed=found == [model.card.dimensions],
        value=", ".join(map(str, found)),
        limit=str(model.card.dimensions),
        advice="the card names other dimensions than the model has",
    )


def _check_finite(*vectors: NDArray[np.float32]) -> Finding:
    wrong = sum(int((~np.isfinite(part).all(axis=1)).sum()) for part in vectors)
    return _finding(
        "finite",
        passed=wrong == 0,
        value=f"{wrong} vectors with NaN or infinity",
        limit="0",
        advice="weights are damaged or overflow: pull and export the model again",
    )


def _check_length(*vectors: NDArray[np.float32]) -> Finding:
    worst = max(float(np.abs(np.linalg.norm(part, axis=1) - 1).max()) for part in vectors)
    return _finding(
        "unit length",
        passed=worst <= LENGTH_TOLERANCE,
        value=f"off by {worst:.1e}",
        limit=f"{LENGTH_TOLERANCE:.0e}",
        advice="vectors must have length 1: the dot product of two is taken for their cosine",
    )


def _check_repetition(
    model: Checked,
    prompts: Sequence[str],
    texts: NDArray[np.float32],
    sounds: Sequence[NDArray[np.float32]],
    vectors: NDArray[np.float32],
) -> Finding:
    # in another order, and so with other neighbours, than the first time
    again = np.stack([model.embed_audio(sound) for sound in sounds[::-1]])[::-1]
    repeated = model.embed_texts(list(reversed(prompts)))[::-1]
    same = np.array_equal(again, vectors, equal_nan=True) and np.array_equal(repeated, texts, equal_nan=True)
    return _finding(
        "deterministic",
        passed=same,
        value="the same bits twice" if same else "other bits the second time",
        limit="the same bits",
        advice="the same file must give the same vector: look for random crops or a device that is not deterministic",
    )


def _check_texts(model: Checked, texts: NDArray[np.float32]) -> Finding:
    mean = _mean_cosine(texts)
    pair = model.embed_texts(_PAIR)
    return _finding(
        "texts told apart",
        passed=mean < MOST_TEXT_COSINE,
        value=f"mean cosine {mean:.3f} ({_PAIR[0]!r} and {_PAIR[1]!r}: {float(pair[0] @ pair[1]):.3f})",
        limit=f"below {MOST_TEXT_COSINE}",
        advice="the text space is collapsed: every query gets nearly the same vector, and search by description is "
        "chance. laion/larger_clap_music fails in this way: its text projection has weights near zero. "
        "Take another checkpoint",
    )


def _check_sounds(vectors: NDArray[np.float32]) -> Finding:
    mean = _mean_cosine(vectors)
    return _finding(
        "sounds told apart",
        passed=mean < MOST_AUDIO_COSINE,
        value=f"mean cosine {mean:.3f}",
        limit=f"below {MOST_AUDIO_COSINE}",
        advice="the audio space is collapsed: every track gets nearly the same vector. Take another checkpoint",
    )


def _mean_cosine(vectors: NDArray[np.float32]) -> float:
    """Over all pairs of different rows; 1 where it cannot be told."""
    cosines = vectors.astype(np.float64) @ vectors.T.astype(np.float64)
    mean = float(cosines[np.triu_indices(len(vectors), 1)].mean())
    return mean if np.isfinite(mean) else 1.0


def _finding(name: str, *, passed: bool, value: str, limit: str, advice: str) -> Finding:
    return Finding(name, passed, value, limit, "" if passed else advice)
