"""The mirror is compared with the catalogue part by part."""

import pytest

from app.mirror import check_part, comparison
from services.vector_mirror import NoMirror
from tests.support.mirrored import Mirrored


def test_parts_follow_each_other_and_begin_again(mirrored: Mirrored, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comparison, "PAGE", 2)
    mirrored.add("one", "two", "three", "four", "five")
    mirrored.sync()
    rows = mirrored.server.namespaces["tracks"].rows
    del rows[2]
    rows[5]["title"] = "wrong"

    def part() -> int:
        return mirrored.run(check_part(mirrored.database, mirrored.store, 2))

    # ids 1 and 2, then 3 and 4, then the rest, then from the start again
    assert [part() for _ in range(3)] == [1, 0, 1]
    mirrored.sync()
    assert [part() for _ in range(3)] == [0, 0, 0]
    checks = mirrored.catalogue.connection.execute(
        "select first_id, last_id, missing, stale from search.mirror_checks order by id offset 1"
    ).fetchall()
    assert checks[:3] == [(None, 2, 1, 0), (2, 4, 0, 0), (4, None, 0, 1)]
    assert [row[:2] for row in checks[3:]] == [(None, 2), (2, 4), (4, None)]


def test_before_it_serves_there_is_nothing_to_compare(mirrored: Mirrored) -> None:
    mirrored.add("one")
    assert mirrored.run(check_part(mirrored.database, mirrored.store)) == 0


def test_without_a_mirror_there_is_nothing_to_compare(mirrored: Mirrored) -> None:
    mirrored.add("one")
    mirrored.sync()
    mirrored.server.namespaces["tracks"].rows.clear()
    assert mirrored.run(check_part(mirrored.database, NoMirror())) == 0
