"""What follows an adoption that was interrupted while it made documents anew."""

from collections.abc import Callable

import pytest

from app.database import adopt, inspect_schema, release
from app.providers import Providers
from tests.app.database.adoption.conftest import Connection


class KilledError(Exception):
    """The process ends."""


def end_in(step: str) -> Callable[[str, int, int], None]:
    """End after the first batch of a step."""
    titles: list[str] = []

    def show(title: str, _done: int, _total: int) -> None:
        titles.append(title)
        if titles.count(step) == 2:
            raise KilledError

    return show


def count_documents(owner: Connection) -> list[tuple[object, ...]]:
    return owner.execute("select kind, count(*) from search.documents group by 1 order by 1").fetchall()


@pytest.fixture
def interrupted(adopted: str, owner: Connection, providers: Providers) -> str:
    """An adopted catalogue whose documents are being made anew."""
    owner.execute("update search.schema_state set value = regexp_replace(value, '^\\S+', '0') where key = 'documents'")
    with pytest.raises(KilledError):
        adopt(adopted, providers.embedding.card, end_in("names of tracks"))
    assert owner.execute("select from search.schema_state where key = 'filling'").fetchone() is not None
    return adopted


def test_a_release_forgets_how_far_it_was(interrupted: str, owner: Connection, providers: Providers) -> None:
    before = count_documents(owner)
    assert len(before) == 5
    release(interrupted)
    adopt(interrupted, providers.embedding.card)
    assert count_documents(owner) == before


def test_what_no_trigger_could_follow_is_read_again(interrupted: str, owner: Connection, providers: Providers) -> None:
    owner.execute("update search.documents set label = 'of before' where kind = 'artist'")
    owner.execute(
        "insert into search.stale_notes (table_name, operation, error, followed) "
        "values ('artists', 'UPDATE', 'x', false)"
    )
    assert "names of artists" in adopt(interrupted, providers.embedding.card)
    assert owner.execute("select count(*) from search.documents where label = 'of before'").fetchone() == (0,)
    assert owner.execute("select count(*) from search.stale_notes").fetchone() == (0,)
    assert inspect_schema(owner).ready


def test_it_goes_on_where_it_ended(interrupted: str, providers: Providers) -> None:
    steps = adopt(interrupted, providers.embedding.card)
    assert "names of artists" not in steps
    assert "names of tracks" in steps
    assert adopt(interrupted, providers.embedding.card) == []
