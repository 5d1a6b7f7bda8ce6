"""A change of the SQL that means to leave the ranking alone leaves every page alone."""

from collections import Counter
from collections.abc import Iterator

import pytest

from app.database import EmbeddedPostgres
from tests.sql.same_pages.catalogue import make_catalogue
from tests.sql.same_pages.pages import GOLDEN, Page, describe_differences, prepare, read_pages
from tests.support.databases import new_database


@pytest.fixture(scope="module")
def pages(server: EmbeddedPostgres) -> Iterator[list[Page]]:
    """What every query finds now."""
    with new_database(server) as url:
        prepare(url)
        yield list(read_pages(url))


def test_every_page_is_as_recorded(pages: list[Page]) -> None:
    difference = describe_differences(pages, GOLDEN.read_text(encoding="utf-8").splitlines())
    assert difference is None, (
        f"{difference}\nIf that is meant, run python -m tests.sql.same_pages and read what changes"
    )


def test_the_queries_reach_every_part_of_the_ranking(pages: list[Page]) -> None:
    """Else equal pages would prove little."""
    tiers = Counter(row.split(" ")[2] for page in pages for row in page.rows)
    assert set(tiers) == {"exact", "prefix", "word_prefix", "substring", "fuzzy", "sound"}
    assert min(tiers.values()) > 500
    found = [row for page in pages for row in page.rows]
    for names in (
        ["artist"],
        ["album"],
        ["tag"],
        ["name", "owner"],
        ["artist", "title"],
        ["sound", "title"],
        ["artist", "sound"],
    ):
        assert any(f" {names} " in row for row in found), names
    assert sum(not page.rows for page in pages) > 100
    private = {f"track {track.id} " for track in make_catalogue().tracks if track.visibility == "private"}
    of_owner = [page for page in pages if any(row.startswith(tuple(private)) for row in page.rows)]
    assert len(of_owner) > 20
    assert all(page.query.viewer for page in of_owner)
