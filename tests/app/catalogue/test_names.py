"""Titles, tags and slugs."""

import pytest

from app.catalogue import UnusableNameError, clean_tags, clean_title
from app.catalogue.names import make_slug


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("  Ambient   Waves ", "Ambient Waves"),
        ("Cafe\u0301", "Café"),
        ("Музыка", "Музыка"),
        ("👩‍🎤 live", "👩‍🎤 live"),
        ("two\nlines\tand a tab", "two lines and a tab"),
        ("x" * 200, "x" * 200),
    ],
)
def test_titles_are_put_in_order(written: str, kept: str) -> None:
    assert clean_title(written) == kept


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("", "empty"),
        (" \n\t ", "empty"),
        ("x" * 201, "201 characters, at most 200"),
        ("nul\0", "not text"),
        ("half \ud83d of a character", "not text"),
        ("escape \x1b[31m", "not text"),
    ],
)
def test_unusable_titles_are_refused_in_words(written: str, words: str) -> None:
    with pytest.raises(UnusableNameError, match=words):
        clean_title(written)


def test_tags_come_one_by_one_or_with_commas() -> None:
    assert clean_tags(["Ambient, lo-fi", " TAPE  loops ", "", ",,", "ambient"]) == ["ambient", "lo-fi", "tape loops"]


@pytest.mark.parametrize(
    ("tags", "words"),
    [
        (["x" * 51], "51 characters, at most 50"),
        ([f"tag{number}" for number in range(21)], "at most 20 tags, not 21"),
        (["a\0b"], "not text"),
    ],
)
def test_unusable_tags_are_refused_in_words(tags: list[str], words: str) -> None:
    with pytest.raises(UnusableNameError, match=words):
        clean_tags(tags)


@pytest.mark.parametrize(
    ("title", "slug"),
    [
        ("Allotment Papers", "allotment-papers"),
        ("  Été / Hiver!  ", "été-hiver"),
        ("音楽 2", "音楽-2"),
        ("!!!", "21-21-21"),
        ("🥝", "1f95d"),
    ],
)
def test_slugs(title: str, slug: str) -> None:
    assert make_slug(title) == slug


def test_a_long_title_has_a_bounded_slug() -> None:
    assert len(make_slug("word " * 100)) <= 80
    assert len(make_slug("!" * 200)) <= 80
