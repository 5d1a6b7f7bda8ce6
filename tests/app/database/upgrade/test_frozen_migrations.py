"""A released migration stays as it is: databases have it, and no version runs it there again."""

from pathlib import Path

from tests.app.database.upgrade.released import RELEASED, VERSIONS, differing, freeze, read_digests
from tests.app.database.upgrade.states import list_states

WHAT_TO_DO = (
    "restore these files from the last release, and put the change into a new migration: databases that have "
    "a released one never run it again"
)


def test_released_migrations_are_unchanged() -> None:
    assert len(read_digests(RELEASED)) >= 16
    assert differing(RELEASED, VERSIONS) == [], WHAT_TO_DO


def test_every_released_migration_has_a_state() -> None:
    frozen = {name.partition("_")[0] for name in read_digests(RELEASED)}
    assert {state.revision for state in list_states()} == frozen, "run python -m tests.app.database.upgrade"


def test_a_changed_and_a_removed_migration_are_named(tmp_path: Path) -> None:
    released = tmp_path / "released.txt"
    released.write_text("", encoding="utf-8")
    for name in ("0001_a.sql", "0002_b.sql", "0003_c.sql"):
        (tmp_path / name).write_text("select 1;\n", encoding="utf-8")
    freeze(released, tmp_path)
    assert differing(released, tmp_path) == []

    (tmp_path / "0002_b.sql").write_text("select 2;\n", encoding="utf-8")
    (tmp_path / "0003_c.sql").unlink()
    (tmp_path / "0004_d.sql").write_text("select 4;\n", encoding="utf-8")
    assert differing(released, tmp_path) == ["0002_b.sql", "0003_c.sql"]

    freeze(released, tmp_path)
    assert differing(released, tmp_path) == ["0002_b.sql", "0003_c.sql"], "freezing accepts no change"
    assert "0004_d.sql" in read_digests(released)
