"""Every kind of difference is named, and mended, and nothing else is."""

import numpy as np
import pytest

from app.measure.turbopuffer_server import Fault
from app.mirror import comparison as module
from app.mirror import record, repair
from services.vector_mirror import MirrorUnavailableError
from tests.support.mirrored import Mirrored


@pytest.fixture
def equal(mirrored: Mirrored) -> Mirrored:
    """A mirror that is right, of ten tracks."""
    mirrored.add(*(f"track {number}" for number in range(1, 11)))
    mirrored.sync()
    return mirrored


def damage(mirrored: Mirrored) -> None:
    """One of each."""
    rows = mirrored.server.namespaces["tracks"].rows
    del rows[1]
    rows[2]["title"], rows[2]["artist_handle"] = "other", "other.example"
    rows[3]["vector"] = rows[3]["vector"] + np.float32(0.25)
    rows[99] = rows[4] | {"id": 99}
    rows[5] = {"id": 5, "vector": rows[5]["vector"], "version": 5000, "removed_at": 4_000_000_000}
    del rows[6]["version"]


EXPECTED = [
    ("missing", 1, "track 1", ""),
    ("stale", 2, "track 2", "other title, artist handle"),
    ("wrong vector", 3, "track 3", "off by 0.25"),
    ("missing", 5, "track 5", "it counts as removed"),
    ("stale", 6, "track 6", "other version"),
    ("extra", 99, None, "there is no such track"),
]


@pytest.mark.parametrize("page", [1000, 3, 1])
def test_every_difference_is_named(equal: Mirrored, monkeypatch: pytest.MonkeyPatch, page: int) -> None:
    monkeypatch.setattr(module, "PAGE", page)
    damage(equal)
    found = equal.compare()
    named = [(one.kind, one.track_id, one.title, one.detail) for one in found.differences]
    assert named == EXPECTED
    assert (found.compared, found.pending, found.upto) == (11, 0, None)
    assert [found.count(kind) for kind in module.KINDS] == [2, 1, 2, 1]


def test_exactly_the_differences_are_mended(equal: Mirrored) -> None:
    damage(equal)
    assert equal.run(repair(equal.database, equal.compare())) == len(EXPECTED)
    equal.server.requests.clear()
    equal.sync()
    written = {row["id"] for _, _, body in equal.server.requests for row in body.get("upsert_rows", ())}
    assert written == {1, 2, 3, 5, 6, 99}
    assert equal.compare().differences == []
    assert sorted(equal.live) == list(range(1, 11))


def test_versions_go_on_above_those_of_a_mirror_that_is_ahead(equal: Mirrored) -> None:
    """As after a restore: the database counts from where its backup was."""
    for row in equal.server.namespaces["tracks"].rows.values():
        row["version"] += 1_000_000
    equal.execute("update tracks set title = 'new' where id = 1")
    equal.sync()
    found = equal.compare()
    assert [one.track_id for one in found.differences] == [1]
    equal.run(repair(equal.database, found))
    equal.sync()
    assert equal.titles[1] == "new"
    assert equal.compare().differences == []


@pytest.mark.parametrize(
    ("statement", "detail"),
    [
        ("update tracks set visibility = 'private' where id = 1", "it is private"),
        ("delete from search.embeddings where track_id = 1", "it has no vector"),
    ],
)
def test_it_says_why_something_is_extra(equal: Mirrored, statement: str, detail: str) -> None:
    equal.execute(statement)
    # nobody knows: as if a trigger had been bypassed
    equal.execute("delete from search.mirror_changes")
    assert [(one.kind, one.track_id, one.detail) for one in equal.compare().differences] == [("extra", 1, detail)]


def test_what_bypasses_triggers_is_found(equal: Mirrored) -> None:
    equal.execute("truncate tracks cascade")
    assert equal.state.changes == 0
    found = equal.compare()
    assert found.count("extra") == 10
    equal.run(repair(equal.database, found))
    equal.sync()
    assert equal.live == {}


def test_what_is_still_to_be_told_is_no_difference(equal: Mirrored) -> None:
    equal.execute("update tracks set title = 'new' where id in (1, 2)")
    equal.execute("delete from tracks where id = 3")
    found = equal.compare()
    assert (found.differences, found.pending) == ([], 3)


def test_a_change_between_two_looks_is_no_difference(equal: Mirrored) -> None:
    """The catalogue changes, and the mirror is told, after the mirror was read and before the catalogue is."""
    seen: list[str] = []

    def change(method: str, path: str) -> None:
        if path.endswith("/query") and not seen:
            seen.append(method)
            equal.execute("update tracks set title = 'new' where id = 1")
            # as the worker would, between two statements
            equal.server.namespaces["tracks"].rows[1]["title"] = "new"
            equal.execute("delete from search.mirror_changes")

    equal.server.namespaces["tracks"].rows[2]["title"] = "wrong"
    equal.server.on_request = change
    assert [one.track_id for one in equal.compare().differences] == [2]


def test_a_part_can_be_compared(equal: Mirrored, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PAGE", 2)
    damage(equal)
    first = equal.compare(most=4)
    assert ([one.track_id for one in first.differences], first.upto) == ([1, 2, 3], 4)
    rest = equal.compare(after=first.upto)
    assert ([one.track_id for one in rest.differences], rest.upto) == ([5, 6, 99], None)


def test_what_was_found_is_recorded(equal: Mirrored) -> None:
    damage(equal)
    equal.run(record(equal.database, equal.compare()))
    assert equal.state.differences == len(EXPECTED)
    row = equal.catalogue.connection.execute(
        "select namespace, compared, missing, extra, stale, wrong_vector from search.mirror_checks order by id desc"
    ).fetchone()
    assert row == ("tracks", 11, 2, 1, 2, 1)


def test_a_mirror_that_does_not_answer_is_no_difference(equal: Mirrored) -> None:
    equal.server.faults = [Fault("status", status=500)]
    with pytest.raises(MirrorUnavailableError):
        equal.compare()
