"""What a search answers."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

ENTITY_TYPES = ("track", "artist", "album", "tag", "playlist")
"""Kinds of results, in the order in which equals are listed."""


def parse_types(value: str, *, strict: bool = True) -> list[str] | None:
    """The types in a comma-separated list of plurals, in the order of ENTITY_TYPES; None, for all, where it has none.

    Args:
        value: The list.
        strict: Whether one unknown type is an error; otherwise it is ignored beside known ones.

    Raises:
        ValueError: One is unknown, or none is known; the message names the known ones.
    """
    names = [name for part in value.split(",") if (name := part.strip().lower())]
    if not names:
        return None
    plurals = {f"{kind}s": kind for kind in ENTITY_TYPES} | {kind: kind for kind in ENTITY_TYPES}
    unknown = [name for name in names if name not in plurals]
    if unknown and (strict or len(unknown) == len(names)):
        known = ", ".join(f"{kind}s" for kind in ENTITY_TYPES)
        raise ValueError(f"unknown type {unknown[0]!r}: choose from {known}, comma-separated")
    wanted = {plurals[name] for name in names if name in plurals}
    return [kind for kind in ENTITY_TYPES if kind in wanted]


@dataclass(frozen=True)
class Hit:
    """One result.

    Attributes:
        type: One of ENTITY_TYPES.
        tier: How it matched best: exact, prefix, word_prefix, substring, fuzzy or sound.
        matched: Everything that matched: title, handle, display_name, name, artist, album, tag, sound.
        relevance: 0 to 1 within its tier; not comparable between tiers.
        similarity: Cosine similarity of the sound to the text, when sound matched.
        details: The entity's own fields, as the endpoint shows them.
        confidence: How far the similarity can be trusted, 0 to 1; None for names, clips and tracks, and before the
            first calibration.
        near_duplicate: Whether it is the very recording that was asked with, if a recording was.
    """

    type: str
    tier: str
    matched: list[str]
    relevance: float
    similarity: float | None
    details: dict[str, Any]
    confidence: float | None = None
    near_duplicate: bool | None = None

    @property
    def label(self) -> str:
        """What the entity is called."""
        return str(self.details.get("title") or self.details.get("display_name") or self.details.get("name"))

    @property
    def artist(self) -> str:
        """Whose it is; empty for artists and tags."""
        return str(self.details.get("artist_display_name") or self.details.get("owner_display_name") or "")


@dataclass(frozen=True)
class Signal:
    """One reason why a track is listed.

    Attributes:
        signal: What matched: title, artist, album, tag or sound.
        tier: The tier of this signal alone.
        rank: Where it alone would put the track, counted from 1.
        value: 0 to 1 within the tier; for sound the cosine similarity.
        confidence: Of a signal by sound.
    """

    signal: str
    tier: str
    rank: int
    value: float
    confidence: float | None


@dataclass(frozen=True)
class Explanation:
    """Why a track stands where it does.

    Attributes:
        rank: Its place among all results, counted from 1; None where it is not among them.
        tier: The best way in which it matched.
        signals: The reasons, the best first.
        available: Whether the text could be compared with sounds.
        calibrated: As of an answer.
    """

    rank: int | None
    tier: str | None
    signals: list[Signal]
    available: bool
    calibrated: bool | None = None


@dataclass(frozen=True)
class Answer:
    """What a search found.

    Attributes:
        hits: Best first.
        available: Whether the text could be compared with sounds.
        milliseconds: Time of the one statement, with its round trip.
        vector_backend: Who found the tracks nearest to the vector: pgvector, or the mirror's name; None where nothing
            was compared.
        vector_fallback: Whether that was Postgres because the mirror failed, was too slow or too far behind.
        calibrated: Whether the serving model has a calibration: without one, a search by name has no results by sound,
            and results by sound alone have no confidence. None where no text was compared.
    """

    hits: list[Hit]
    available: bool
    milliseconds: float
    vector_backend: str | None = None
    vector_fallback: bool = False
    calibrated: bool | None = None

    @property
    def counts(self) -> dict[str, int]:
        """Hits by type, under the plural names of the endpoint."""
        found = Counter(hit.type for hit in self.hits)
        return {f"{kind}s": found[kind] for kind in ENTITY_TYPES}
