"""Tags that begin with a text."""

import pytest

from tests.support.catalogue import Catalogue


def complete(catalogue: Catalogue, prefix: str | None, k: int = 20) -> list[tuple[object, ...]]:
    return catalogue.connection.execute("select * from search.complete_tag(%s, %s)", [prefix, k]).fetchall()


@pytest.fixture
def tagged(catalogue: Catalogue) -> Catalogue:
    """Three tags that begin alike, on three, two and one tracks, and others."""
    catalogue.track("One", tags=("ambient", "ambient techno", "Ámbar", "jazz"))
    catalogue.track("Two", tags=("ambient", "ambient techno"))
    catalogue.track("Three", tags=("ambient", "lo-fi", "100% vinyl", "!!!"))
    return catalogue


@pytest.mark.parametrize("folded", [False, True])
def test_the_most_used_come_first_with_their_counts(tagged: Catalogue, folded: bool) -> None:
    if folded:
        tagged.connection.execute("select search_internal.fold_track_counts()")
    assert complete(tagged, "amb") == [("ambient", 3), ("ambient techno", 2), ("Ámbar", 1)]
    assert complete(tagged, "amb", 2) == [("ambient", 3), ("ambient techno", 2)]


@pytest.mark.parametrize("prefix", ["", None, "  "])
def test_nothing_typed_gives_the_most_used(tagged: Catalogue, prefix: str | None) -> None:
    assert complete(tagged, prefix, 3) == [("ambient", 3), ("ambient techno", 2), ("!!!", 1)]


@pytest.mark.parametrize(
    ("prefix", "names"),
    [
        ("AMBIENT T", ["ambient techno"]),
        ("ambar", ["Ámbar"]),
        ("Lo-F", ["lo-fi"]),
        ("100%", ["100% vinyl"]),
        ("!", ["!!!"]),
        ("%", []),
        ("_", []),
        ("techno", []),
        ("zz", []),
    ],
)
def test_names_begin_so(tagged: Catalogue, prefix: str, names: list[str]) -> None:
    assert [name for name, _ in complete(tagged, prefix)] == names


def test_only_listed_tracks_count(tagged: Catalogue) -> None:
    """A tag that none of them has is not named."""
    tagged.track("Hidden", visibility="private", tags=("ambient", "amber secret"))
    tagged.track("Unlisted", visibility="unlisted", tags=("ambient", "amber draft"))
    tagged.track("Supporters", visibility="supporters", tags=("ambient techno",))
    assert complete(tagged, "amb") == [("ambient", 3), ("ambient techno", 3), ("Ámbar", 1)]
    tagged.connection.execute("update tracks set visibility = 'private' where title = 'One'")
    assert complete(tagged, "amb") == [("ambient", 2), ("ambient techno", 2)]
    tagged.connection.execute("delete from tracks where title in ('Two', 'Three', 'Supporters')")
    assert complete(tagged, "amb") == []


def test_the_commonest_of_many_is_found(catalogue: Catalogue) -> None:
    """Level by level: tags on many tracks stand before hundreds that are on one."""
    first = catalogue.track("First", tags=tuple(f"amb{number:03}" for number in range(300)))
    others = [catalogue.track(f"Track {number}", tags=("amb299",)) for number in range(5)]
    assert first not in others
    catalogue.connection.execute("select search_internal.fold_track_counts()")
    assert complete(catalogue, "amb", 2) == [("amb299", 6), ("amb000", 1)]
    assert len(complete(catalogue, "", 250)) == 250
