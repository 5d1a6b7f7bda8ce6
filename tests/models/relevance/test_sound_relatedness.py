"""How much a text speaks of sound, from vectors alone."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from numpy.typing import NDArray

from models.relevance.calibration import load_texts
from models.relevance.sound_relatedness import TextRelatedness

DIMENSIONS = 16


class MadeUpSpace:
    """Descriptions lie about one axis, other texts about another; counts how often it is asked."""

    def __init__(self) -> None:
        self.calls = 0
        self._descriptions = set(load_texts().descriptions)

    def __call__(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Unit vectors, shape (texts, dimensions)."""
        self.calls += 1
        return np.stack([self.embed(text, sounds=text in self._descriptions) for text in texts])

    def embed(self, text: str, *, sounds: bool) -> NDArray[np.float32]:
        """The axis, and something of the text's own."""
        vector = 0.15 * np.random.default_rng(list(text.encode())).standard_normal(DIMENSIONS)
        vector[0 if sounds else 1] += 1
        scaled: NDArray[np.float32] = (vector / np.linalg.norm(vector)).astype(np.float32)
        return scaled


def test_a_text_among_the_descriptions_measures_more_than_one_among_the_others() -> None:
    space = MadeUpSpace()
    sound_relatedness = TextRelatedness(space)
    about_sound = [sound_relatedness.measure(space.embed(f"sound {n}", sounds=True)) for n in range(20)]
    about_else = [sound_relatedness.measure(space.embed(f"thing {n}", sounds=False)) for n in range(20)]

    assert min(about_sound) > 0 > max(about_else)
    assert all(-2 <= value <= 2 for value in (*about_sound, *about_else))


def test_the_bank_is_embedded_once_however_many_ask() -> None:
    space = MadeUpSpace()
    sound_relatedness = TextRelatedness(space)
    assert space.calls == 0
    vector = space.embed("jazz", sounds=True)
    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(lambda _: sound_relatedness.measure(vector), range(16)))) == 1
    assert space.calls == 2


def test_a_text_of_the_bank_does_not_vote_for_itself() -> None:
    bank = load_texts()
    place = {text: number for number, text in enumerate([*bank.descriptions, *bank.unrelated])}

    def embed(texts: Sequence[str]) -> NDArray[np.float32]:
        # every text on an axis of its own: nothing is near to anything else
        return np.eye(len(place), dtype=np.float32)[[place[text] for text in texts]]

    sound_relatedness = TextRelatedness(embed)
    for text in (bank.descriptions[0], bank.unrelated[0]):
        assert sound_relatedness.measure(embed([text])[0]) == 0


def test_five_neighbours_of_either_kind_vote() -> None:
    bank = load_texts()
    descriptions = np.zeros((len(bank.descriptions), 2), np.float32)
    unrelated = np.zeros((len(bank.unrelated), 2), np.float32)
    descriptions[:6, 0] = [0.9, 0.8, 0.7, 0.6, 0.5, 0.4]
    unrelated[:2, 0] = [0.5, 0.5]

    def embed(texts: Sequence[str]) -> NDArray[np.float32]:
        return descriptions if tuple(texts) == bank.descriptions else unrelated

    measured = TextRelatedness(embed).measure(np.array([1, 0], np.float32))
    assert measured == pytest.approx(0.7 - 0.2)
