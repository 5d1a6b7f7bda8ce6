"""What everything that depends on a mirror may take for granted, of each of them."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from numpy import float32
from numpy.typing import NDArray

from services.vector_mirror import (
    Document,
    DocumentsRefusedError,
    Entry,
    MirrorRefusedError,
    NamespaceMissingError,
    NoMirror,
    Removal,
    VectorMirror,
)
from tests.services.vector_mirror.conftest import run

NAMESPACE = "tracks-1.test_x"
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def axis(place: int, lean: float = 0.0) -> NDArray[float32]:
    vector = np.zeros(4, float32)
    vector[place], vector[(place + 1) % 4] = 1, lean
    return vector / np.linalg.norm(vector)


def document(track_id: int, version: int | None = 1, place: int = 0, **facts: str | None) -> Document:
    given = {
        "title": f"Stück {track_id} 音",
        "artist_handle": "a.example",
        "artist_did": "did:plc:a",
        "visibility": "public",
        "model": "m@1",
    }
    return Document(track_id=track_id, version=version, vector=axis(place), **(given | facts))


def removal(track_id: int, version: int, at: datetime = NOW) -> Removal:
    return Removal(track_id, version, at)


def held_after(mirror: VectorMirror, *writes: Sequence[Entry]) -> list[Entry]:
    """Everything that is there after some writes."""

    async def steps() -> list[Entry]:
        await mirror.create(NAMESPACE, 4)
        for entries in writes:
            await mirror.write(NAMESPACE, entries)
        return await mirror.read(NAMESPACE, after=None, count=100)

    return run(steps, mirror)


def test_what_was_written_is_read_to_the_last_bit(mirror: VectorMirror) -> None:
    awkward = document(2, title="x" * 10_000, artist_handle="", place=3)
    odd = np.array([0.1, -0.7, 3e-5, 0.7], np.float16).astype(float32)
    third = Document(3, 2**40, odd, "\"quotes\" 'and' \\ \n", "b", "did:b", "supporters", "m@1")
    assert held_after(mirror, [document(1), awkward, third]) == [document(1), awkward, third]


def test_a_newer_version_takes_the_place_of_an_older(mirror: VectorMirror) -> None:
    assert held_after(mirror, [document(1, 1)], [document(1, 2, title="new")]) == [document(1, 2, title="new")]


@pytest.mark.parametrize("late", [1, 2])
def test_an_older_version_changes_nothing_nor_does_the_same(mirror: VectorMirror, late: int) -> None:
    assert held_after(mirror, [document(1, 2)], [document(1, late, title="late")]) == [document(1, 2)]


def test_a_removal_is_kept_and_keeps_late_writes_out(mirror: VectorMirror) -> None:
    assert held_after(mirror, [document(1, 1)], [removal(1, 3)], [document(1, 2)]) == [removal(1, 3)]


def test_what_was_removed_may_come_back(mirror: VectorMirror) -> None:
    assert held_after(mirror, [removal(1, 3)], [document(1, 4)], [removal(1, 2)]) == [document(1, 4)]


def test_each_entry_of_a_write_is_looked_at_by_itself(mirror: VectorMirror) -> None:
    late: list[Entry] = [document(1, 4, title="late"), document(2, 4)]
    written = held_after(mirror, [document(1, 5), document(2, 1)], late)
    assert written == [document(1, 5), document(2, 4)]


def test_what_somebody_else_has_written_without_a_version_is_written_over(mirror: VectorMirror) -> None:
    assert held_after(mirror, [document(1, None)], [document(1, 1, title="ours")]) == [document(1, 1, title="ours")]


def test_neighbours_are_the_nearest_first_and_only_of_the_model(mirror: VectorMirror) -> None:
    async def steps() -> None:
        await mirror.create(NAMESPACE, 4)
        entries: list[Entry] = [document(1), document(2, place=1), document(3, model="m@2"), removal(4, 1)]
        await mirror.write(NAMESPACE, entries)
        found = await mirror.nearest(NAMESPACE, axis(0, 0.5), 10, model="m@1")
        assert [neighbour.track_id for neighbour in found] == [1, 2]
        assert [neighbour.similarity for neighbour in found] == pytest.approx([0.894427, 0.447214], abs=1e-5)
        assert len(await mirror.nearest(NAMESPACE, axis(0), 1, model="m@1")) == 1
        assert await mirror.nearest(NAMESPACE, axis(0), 10, model="m@3") == []

    run(steps, mirror)


def test_everything_can_be_paged_through(mirror: VectorMirror) -> None:
    async def steps() -> None:
        await mirror.create(NAMESPACE, 4)
        await mirror.write(NAMESPACE, [document(track) for track in (9, 3, 7, 5)] + [removal(4, 1)])
        pages, after = [], None
        while page := await mirror.read(NAMESPACE, after=after, count=2):
            pages.append([entry.track_id for entry in page])
            after = page[-1].track_id
        assert pages == [[3, 4], [5, 7], [9]]

    run(steps, mirror)


def test_some_can_be_looked_up(mirror: VectorMirror) -> None:
    async def steps() -> None:
        await mirror.create(NAMESPACE, 4)
        await mirror.write(NAMESPACE, [document(1), document(2), removal(3, 1)])
        assert await mirror.find(NAMESPACE, [3, 1, 1, 8, -5]) == [document(1), removal(3, 1)]
        assert await mirror.find(NAMESPACE, []) == []

    run(steps, mirror)


def test_old_removals_are_forgotten_and_nothing_else(mirror: VectorMirror) -> None:
    async def steps() -> list[Entry]:
        await mirror.create(NAMESPACE, 4)
        await mirror.write(NAMESPACE, [document(1), removal(2, 1, NOW - timedelta(hours=2)), removal(3, 1, NOW)])
        await mirror.forget_removals(NAMESPACE, NOW - timedelta(hours=1))
        return await mirror.read(NAMESPACE, after=None, count=10)

    assert run(steps, mirror) == [document(1), removal(3, 1)]


def test_a_namespace_that_is_not_there_is_empty(mirror: VectorMirror) -> None:
    async def steps() -> None:
        assert await mirror.inspect(NAMESPACE) is None
        assert await mirror.nearest(NAMESPACE, axis(0), 3, model="m@1") == []
        assert await mirror.read(NAMESPACE, after=None, count=3) == []
        assert await mirror.find(NAMESPACE, [1]) == []
        await mirror.forget_removals(NAMESPACE, NOW)
        await mirror.drop(NAMESPACE)
        assert await mirror.inspect(NAMESPACE) is None

    run(steps, mirror)


@pytest.mark.parametrize("entry", [document(1), removal(1, 1)], ids=["document", "removal"])
def test_nothing_is_written_into_a_namespace_that_is_gone(mirror: VectorMirror, entry: Entry) -> None:
    async def steps() -> None:
        await mirror.create(NAMESPACE, 4)
        await mirror.drop(NAMESPACE)
        with pytest.raises(NamespaceMissingError):
            await mirror.write(NAMESPACE, [entry])
        assert await mirror.inspect(NAMESPACE) is None

    run(steps, mirror)


def test_a_new_namespace_knows_its_dimensions_and_may_be_created_again(mirror: VectorMirror) -> None:
    async def steps() -> None:
        await mirror.create(NAMESPACE, 4)
        await mirror.write(NAMESPACE, [removal(1, 1)])
        await mirror.create(NAMESPACE, 4)
        found = await mirror.inspect(NAMESPACE)
        assert found is not None
        assert (found.dimensions, found.entries) == (4, 1)

    run(steps, mirror)


def test_other_dimensions_are_refused_in_words(mirror: VectorMirror) -> None:
    async def steps() -> None:
        await mirror.create(NAMESPACE, 4)
        with pytest.raises(MirrorRefusedError, match=f"{NAMESPACE} holds vectors of 4 dimensions"):
            await mirror.create(NAMESPACE, 5)

    run(steps, mirror)


def test_a_write_that_is_refused_writes_nothing(mirror: VectorMirror) -> None:
    async def steps() -> None:
        await mirror.create(NAMESPACE, 4)
        wrong = Document(2, 1, np.ones(5, float32), "t", "a", "d", "public", "m@1")
        with pytest.raises(DocumentsRefusedError, match="dimensions"):
            await mirror.write(NAMESPACE, [document(1), wrong])
        with pytest.raises(DocumentsRefusedError):
            await mirror.write(NAMESPACE, [document(1), document(1, 2)])
        assert await mirror.read(NAMESPACE, after=None, count=10) == []

    run(steps, mirror)


def test_it_can_be_used_after_it_was_closed(mirror: VectorMirror) -> None:
    assert held_after(mirror, [document(1)]) == [document(1)]
    assert held_after(mirror, [document(2)]) == [document(1), document(2)]


def test_no_mirror_holds_nothing_and_takes_nothing() -> None:
    mirror = NoMirror()

    async def steps() -> None:
        assert (await mirror.inspect(NAMESPACE), mirror.name) == (None, "")
        assert await mirror.nearest(NAMESPACE, axis(0), 3, model="m@1") == []
        assert await mirror.read(NAMESPACE, after=None, count=3) == []
        assert await mirror.find(NAMESPACE, [1]) == []
        await mirror.drop(NAMESPACE)
        await mirror.forget_removals(NAMESPACE, NOW)
        with pytest.raises(MirrorRefusedError, match="TURBOPUFFER_ENABLED"):
            await mirror.create(NAMESPACE, 4)
        with pytest.raises(MirrorRefusedError, match="TURBOPUFFER_ENABLED"):
            await mirror.write(NAMESPACE, [document(1)])

    run(steps, mirror)
