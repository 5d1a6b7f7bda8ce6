"""Whether what the database says of vectors is so."""

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

from app.database import Database
from app.mirror import compare, read_namespaces
from services.audio_store import AudioMissingError, AudioStore
from services.vector_mirror import VectorMirror

Kind: TypeAlias = Literal[
    "missing",
    "other audio",
    "no such track",
    "wrong dimensions",
    "wrong length",
    "wrong visibility",
    "audio missing",
    "mirror: missing",
    "mirror: extra",
    "mirror: stale",
    "mirror: wrong vector",
]

_IN_MIRROR: dict[str, Kind] = {
    "missing": "mirror: missing",
    "extra": "mirror: extra",
    "stale": "mirror: stale",
    "wrong vector": "mirror: wrong vector",
}

LENGTH_TOLERANCE = 1e-2
"""A vector whose length is off by more is not of length 1; halves are exact to a tenth of it."""

_LOOKS_AT_ONCE = 16


@dataclass(frozen=True)
class AuditFinding:
    """Something that is not as it should be.

    Attributes:
        kind: What.
        track_id: The track.
        title: What it is called; None where there is none.
        model: Identity of the model; None where it is not about a vector.
        detail: What else there is to say.
        expected: Whether the database itself tells why, so that nothing is wrong: a job waits or runs, or the audio
            cannot be decoded.
    """

    kind: Kind
    track_id: int
    title: str | None = None
    model: str | None = None
    detail: str | None = None
    expected: bool = False


def compare_identities(wanted: Mapping[int, str], held: Iterable[tuple[int, str]]) -> Iterator[AuditFinding]:
    """Compare what a store of vectors holds with what it should.

    Args:
        wanted: What the vector of each track should be of, in one word: of which audio, say.
        held: Track ids, each once, with what their vectors are of.

    Yields:
        Tracks that the store does not hold, those that it holds of something else, and what is no track.
    """
    seen = set()
    for track_id, identity in held:
        seen.add(track_id)
        if track_id not in wanted:
            yield AuditFinding("no such track", track_id)
        elif identity != wanted[track_id]:
            yield AuditFinding("other audio", track_id, detail=f"it is of {identity}, not of {wanted[track_id]}")
    for track_id in wanted:
        if track_id not in seen:
            yield AuditFinding("missing", track_id)


async def check_embeddings(database: Database, store: AudioStore, mirror: VectorMirror) -> list[AuditFinding]:
    """Compare the vectors with the tracks, the tracks with the audio store, and the mirror, if there is one, with both.

    Raises:
        MirrorError: The mirror does not answer.
        DatabaseUnavailableError: Postgres cannot be reached.
    """
    models = await database.all("models_in_use")
    tracks = {row.id: row for row in await database.all("audited_tracks")}
    held = await database.all("audited_vectors")
    reasons = {row.track_id: row for row in await database.all("audited_reasons")}
    damaged = await database.all("damaged_vectors", {"tolerance": LENGTH_TOLERANCE})
    damages = [AuditFinding(**row._asdict()) for row in damaged]
    identity = next((model.identity for model in models if model.serving), None)
    wanted = {track_id: row.file_id for track_id, row in tracks.items()}
    compared = [
        _explain(replace(difference, model=identity, title=tracks[difference.track_id].title), reasons)
        for difference in compare_identities(wanted, ((row.track_id, row.file_id) for row in held))
        # of all models, these are among the damaged ones
        if difference.kind != "no such track"
    ]
    missing = await _find_missing_audio(store, tracks.values())
    return [*compared, *damages, *missing, *await _compare_mirror(database, mirror)]


async def _compare_mirror(database: Database, mirror: VectorMirror) -> list[AuditFinding]:
    """What the namespace that serves has otherwise; nothing where none serves yet."""
    serving = [found for found in await read_namespaces(database) if found.state == "serving"]
    if not mirror.name or not serving:
        return []
    found = await compare(database, mirror, serving[0].name)
    return [
        AuditFinding(_IN_MIRROR[one.kind], one.track_id, one.title, serving[0].identity, one.detail or None)
        for one in found.differences
    ]


def _explain(difference: AuditFinding, reasons: Mapping[int, Any]) -> AuditFinding:
    row = reasons.get(difference.track_id)
    if row is None:
        # its vector was stored between two looks
        return replace(difference, detail="no longer so", expected=True)
    details = [difference.detail] if difference.detail else []
    if row.reason is not None:
        details.append(row.reason)
    if row.pending:
        details.append("its job waits or runs")
    elif row.reason is None:
        details.append("no job is there for it")
    return replace(difference, detail="; ".join(details), expected=row.pending or bool(row.permanent))


async def _find_missing_audio(store: AudioStore, tracks: Iterable[Any]) -> list[AuditFinding]:
    remaining = iter(tracks)
    found: list[AuditFinding] = []

    async def look() -> None:
        for track in remaining:
            try:
                await asyncio.to_thread(store.locate, track.file_id, track.file_type)
            except AudioMissingError as error:
                found.append(AuditFinding("audio missing", track.id, track.title, detail=str(error)))

    await asyncio.gather(*(look() for _ in range(_LOOKS_AT_ONCE)))
    return sorted(found, key=lambda difference: difference.track_id)
