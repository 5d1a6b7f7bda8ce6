"""A model that is none: it makes vectors of texts where the catalogue's recordings lie."""

from zlib import crc32

from numpy import float32
from numpy.typing import NDArray

from app.measure.speed.sizes import Sizes
from app.measure.speed.vectors import SEED, VectorSpace
from models.card import ModelCard

BENCHMARK_MODEL = ModelCard(
    name="benchmark", implementation="", dimensions=512, sample_rate=48_000, licence="", source="", bundled=False,
    description="Synthetic vectors of CLAP's length.", files=(), pipeline={},
    # as likely a match as not two standard deviations above the mean
    match={"slope": 2.0, "intercept": -4.0},
)  # fmt: skip
"""Stands for a model whose vectors are as long as CLAP's."""


class SyntheticEmbedding:
    """The text half of that model: for calibrating the catalogue, whose recordings exist as vectors only.

    Args:
        sizes: Of the catalogue.
    """

    def __init__(self, sizes: Sizes) -> None:
        self._space = VectorSpace(sizes, BENCHMARK_MODEL.dimensions, seed=SEED)

    @property
    def card(self) -> ModelCard:
        """The model that it stands for."""
        return BENCHMARK_MODEL

    def embed_text(self, text: str) -> NDArray[float32]:
        """A direction near some style, the same one for the same text."""
        return self._space.description(crc32(text.encode()))

    def sound_relatedness(self, text: str) -> float:  # noqa: ARG002 - every text is as good
        """Every text speaks of sound."""
        return 1.0
