"""Vectors of texts are kept by model and normalised text."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import BinaryIO

import numpy as np
import pytest
from numpy import float32
from numpy.typing import NDArray

from models.registry import ModelCard, find_model
from models.runtime.recent_results import RecentResults
from services.embedding import CachedText, normalise_query

CARD = find_model("musicnn-tags")


class Counting:
    """A provider that notes what it was asked."""

    def __init__(self, card: ModelCard = CARD) -> None:
        self.card = card
        self.asked: list[str] = []
        self.entered = threading.Event()
        self.released = threading.Event()
        self.released.set()

    def load(self) -> None:
        """Note it."""
        self.asked.append("load")

    def embed_audio(self, audio: BinaryIO, *, max_seconds: float | None = None) -> NDArray[float32]:
        """Never asked."""
        raise AssertionError(audio, max_seconds)

    def embed_text(self, text: str) -> NDArray[float32]:
        """Note the text; the vector tells how many there were."""
        self.asked.append(text)
        self.entered.set()
        assert self.released.wait(30)
        if text == "broken":
            raise ValueError(text)
        return np.full(3, len(self.asked), float32)

    def sound_relatedness(self, text: str) -> float:
        """Note the text."""
        self.asked.append(f"audibility {text}")
        return 0.5


def cached(provider: Counting, size: int = 8) -> CachedText:
    return CachedText(provider, RecentResults(size), RecentResults(size))


@pytest.mark.parametrize(
    ("typed", "embedded"),
    [("  Calm\tPiano ", "calm piano"), ("CALM PIANO", "calm piano"), ("cafe\u0301", "caf\u00e9"), ("ÉTÉ", "été")],
)
def test_what_means_the_same_is_embedded_once(typed: str, embedded: str) -> None:
    assert normalise_query(typed) == embedded
    provider = Counting()
    texts = cached(provider)
    first = texts.embed_text(typed)
    assert np.array_equal(texts.embed_text(embedded), first)
    assert provider.asked == [embedded]
    assert not first.flags.writeable
    assert (texts.sound_relatedness(typed), texts.sound_relatedness(embedded)) == (0.5, 0.5)
    assert provider.asked == [embedded, f"audibility {embedded}"]


def test_models_do_not_share_vectors() -> None:
    vectors: RecentResults[NDArray[float32]] = RecentResults(8)
    sound_relatedness: RecentResults[float] = RecentResults(8)
    providers = [Counting(), Counting(replace(CARD, name="other"))]
    first, second = (CachedText(provider, vectors, sound_relatedness) for provider in providers)
    first.embed_text("calm")
    second.embed_text("calm")
    assert [provider.asked for provider in providers] == [["calm"], ["calm"]]


def test_the_least_recently_used_is_forgotten() -> None:
    provider = Counting()
    texts = cached(provider, size=2)
    for text in ("a", "b", "a", "c", "a", "b"):
        texts.embed_text(text)
    assert provider.asked == ["a", "b", "c", "b"]


def test_those_who_ask_at_once_share_one_computation() -> None:
    provider = Counting()
    provider.released.clear()
    texts = cached(provider)
    with ThreadPoolExecutor(4) as threads:
        asked = [threads.submit(texts.embed_text, "calm") for _ in range(4)]
        assert provider.entered.wait(30)
        provider.released.set()
        found = [future.result(timeout=30) for future in asked]
    assert provider.asked == ["calm"]
    assert all(np.array_equal(vector, found[0]) for vector in found)


def test_a_failure_is_not_kept() -> None:
    provider = Counting()
    texts = cached(provider)
    for _ in range(2):
        with pytest.raises(ValueError, match="broken"):
            texts.embed_text("broken")
    assert provider.asked == ["broken", "broken"]


def test_a_broken_surrogate_is_a_text_like_another() -> None:
    assert cached(Counting()).embed_text("\ud800x").shape == (3,)
