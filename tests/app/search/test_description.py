"""Queries taken apart."""

import pytest

from app.search.description import Description, parse_description


def only(text: str) -> Description:
    """A query without operators."""
    return Description(name=text, positive=text)


@pytest.mark.parametrize(
    "text",
    [
        "techno", "lo-fi", "synth-pop beats", "drum-and-bass", "Artist - Title", "a -", "-", "–", "techno -",
        "Title --live", "-1", "−12", "-_-", ":-)", "5-6", "  two  spaces ", "like 12", "like:", "like:abc", "like:12a",
        "unlike:12", "like: 12", "i like:12th", "well- known", "non−linear", "hello—world", "", "!!!", "-!", '-""',
        "nul\0byte", "音楽-静か",
    ],
)  # fmt: skip
def test_text_without_operators_is_left_as_it_is(text: str) -> None:
    assert parse_description(text) == only(text)


@pytest.mark.parametrize(
    ("text", "positive", "negatives"),
    [
        ("techno -vocals", "techno", ("vocals",)),
        ("-vocals techno", "techno", ("vocals",)),
        ("-vocals", None, ("vocals",)),
        ("  -vocals  -drums ", None, ("vocals", "drums")),
        ("dark techno -vocals ambient -lo-fi", "dark techno ambient", ("vocals", "lo-fi")),
        ('techno -"female vocals"', "techno", ("female vocals",)),
        ('techno -"female voc', "techno", ("female voc",)),
        ("techno -“female  vocals” warm", "techno warm", ("female vocals",)),
        ("techno -„leise“", "techno", ("leise",)),
        ("techno −vocals", "techno", ("vocals",)),
        ("techno –vocals", "techno", ("vocals",)),
        ("テクノ －ボーカル", "テクノ", ("ボーカル",)),
        ("lo-fi -guitar", "lo-fi", ("guitar",)),
        ("Artist - Title -live", "Artist - Title", ("live",)),
        ("party -80s", "party", ("80s",)),
        ("techno -vocals -vocals", "techno", ("vocals",)),
        ("techno\t-vocals", "techno", ("vocals",)),
        ("-1 -vocals", "-1", ("vocals",)),
    ],
)
def test_a_dash_where_a_word_begins_takes_it_away(text: str, positive: str | None, negatives: tuple[str, ...]) -> None:
    assert parse_description(text) == Description(name=positive, positive=positive, negatives=negatives)


@pytest.mark.parametrize(
    ("text", "positive", "negatives", "liked"),
    [
        ("like:12", None, (), (12,)),
        ("LIKE:012", None, (), (12,)),
        ("like:12 but slower", "slower", (), (12,)),
        ("like:12, but slower", "slower", (), (12,)),
        ("slower like:12", "slower", (), (12,)),
        ("like:12 but with drums and bass", "drums and bass", (), (12,)),
        ("like:12 -drums", None, ("drums",), (12,)),
        ("like:12 but -drums", None, ("drums",), (12,)),
        ("like:12 and like:30 warm", "warm", (), (12, 30)),
        ("like:12 like:12", None, (), (12,)),
        ("like:12 butter", "butter", (), (12,)),
        ('like:12 -"female vocals" warm', "warm", ("female vocals",), (12,)),
        (f"like:{10**30}", None, (), (10**30,)),
    ],
)
def test_tracks_to_go_by(text: str, positive: str | None, negatives: tuple[str, ...], liked: tuple[int, ...]) -> None:
    """Such a query speaks of sounds, and nothing in it is a name."""
    assert parse_description(text) == Description(name=None, positive=positive, negatives=negatives, liked=liked)


def test_typing_a_negative_letter_by_letter_keeps_the_name() -> None:
    for end in range(len("techno"), len('techno -"female vocals"') + 1):
        name = parse_description('techno -"female vocals"'[:end]).name
        assert name is not None
        assert name.rstrip(' -"') == "techno"
