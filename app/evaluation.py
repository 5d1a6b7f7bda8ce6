"""How well descriptions find the tracks that they describe."""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pgvector import HalfVector
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.ext.asyncio import AsyncEngine

from app.database import guard_connection, load_query
from services.embedding import EmbeddingProvider


class Description(BaseModel):
    """A text, and the recordings that it describes."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    text: str
    relevant: list[str] = Field(min_length=1)


@dataclass(frozen=True)
class DescriptionResult:
    """How one description did.

    Attributes:
        text: The description.
        relevant: How many tracks it describes.
        average_precision: 0 to 1, over the ranking of all tracks.
        chance: What a random order gets on average.
    """

    text: str
    relevant: int
    average_precision: float
    chance: float


@dataclass(frozen=True)
class Evaluation:
    """How one model did on all descriptions."""

    model: str
    tracks: int
    rows: list[DescriptionResult]

    @property
    def mean_average_precision(self) -> float:
        """Mean over the descriptions."""
        return sum(row.average_precision for row in self.rows) / len(self.rows)

    @property
    def mean_chance(self) -> float:
        """What a random order gets on average."""
        return sum(row.chance for row in self.rows) / len(self.rows)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "model": self.model,
            "tracks": self.tracks,
            "mean_average_precision": round(self.mean_average_precision, 4),
            "chance": round(self.mean_chance, 4),
            "descriptions": [vars(row) for row in self.rows],
        }


def load_descriptions(path: Path) -> list[Description]:
    """The labelled descriptions of a TOML file."""
    found = tomllib.loads(path.read_text(encoding="utf-8"))["queries"]
    return [Description.model_validate(entry) for entry in found]


async def evaluate_descriptions(
    engine: AsyncEngine,
    embedding: EmbeddingProvider,
    descriptions: Sequence[Description],
    title_of: Mapping[str, str],
) -> Evaluation:
    """Rank all embedded tracks for each description and measure the average precision.

    Args:
        engine: A database with the described tracks.
        embedding: The serving model.
        descriptions: What to ask.
        title_of: Title of each recording that a description names.

    Raises:
        LookupError: A described track has no vector in the database.
    """
    rows = []
    titles: list[str] = []
    for description in descriptions:
        vector = HalfVector(embedding.embed_text(description.text)).to_text()
        with guard_connection():
            async with engine.connect() as connection:
                found = await connection.execute(load_query("rank_all_tracks"), {"query_embedding": vector})
                titles = [row.title for row in found]
        relevant = {title_of[file] for file in description.relevant}
        if missing := relevant - set(titles):
            raise LookupError(f"{len(missing)} described tracks have no vector, {min(missing)!r} for one")
        rows.append(
            DescriptionResult(
                description.text,
                len(relevant),
                average_precision([title in relevant for title in titles]),
                expected_average_precision(len(relevant), len(titles)),
            )
        )
    return Evaluation(embedding.card.identity, len(titles), rows)


def average_precision(relevant: Sequence[bool]) -> float:
    """Mean, over the relevant places of a ranking, of the precision down to each.

    Manning, Raghavan and Schütze, Introduction to Information Retrieval, section 8.4.
    """
    found, total = 0, 0.0
    for position, hit in enumerate(relevant, start=1):
        if hit:
            found += 1
            total += found / position
    return total / found if found else 0.0


def expected_average_precision(relevant: int, total: int) -> float:
    """Average precision that a uniformly random order of ``total`` tracks gets on average.

    A place k is relevant with probability R/n, and then (k-1)(R-1)/(n-1) of the places before it are expected to be:
    sum over k of (1 + (k-1)(R-1)/(n-1)) / (k n).
    """
    if total == 1:
        return float(relevant)
    earlier = (relevant - 1) / (total - 1)
    return sum((1 + (k - 1) * earlier) / (k * total) for k in range(1, total + 1))
