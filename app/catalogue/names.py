"""What titles and tags are allowed to be, and how they are written down."""

import re
import unicodedata
from collections.abc import Iterable

LONGEST_TITLE = 200
"""Characters of a track's or an album's title."""

LONGEST_TAG = 50
"""Characters of a tag."""

MOST_TAGS = 20
"""Tags that one request may give to a track."""

_LONGEST_SLUG = 80


class UnusableNameError(ValueError):
    """A title or a tag that cannot be kept; the message says what to do."""


def clean_title(text: str) -> str:
    """A title with its white space in order.

    Raises:
        UnusableNameError: Nothing is left, it is too long, or it holds control characters.
    """
    return _clean(text, "the title", LONGEST_TITLE)


def clean_tags(texts: Iterable[str]) -> list[str]:
    """Tags in lower case, each once, in their order.

    Args:
        texts: Each one tag, or several with commas between them; what is empty is left out.

    Raises:
        UnusableNameError: One is too long or holds control characters, or there are too many.
    """
    tags = dict.fromkeys(
        _clean(part, "the tag", LONGEST_TAG).lower() for text in texts for part in text.split(",") if part.strip()
    )
    if len(tags) > MOST_TAGS:
        raise UnusableNameError(f"a track has at most {MOST_TAGS} tags, not {len(tags)}")
    return list(tags)


def make_slug(title: str) -> str:
    """The part of an address that stands for a title: letters and digits of any script, and dashes.

    A title without any gets its code points: two such titles must not be one album.
    """
    words = re.findall(r"\w+", unicodedata.normalize("NFKC", title).casefold())
    slug = "-".join(words)[:_LONGEST_SLUG].strip("-")
    return slug or "-".join(f"{ord(character):x}" for character in title)[:_LONGEST_SLUG]


def _clean(text: str, what: str, longest: int) -> str:
    cleaned = " ".join(unicodedata.normalize("NFC", text).split())
    if not cleaned:
        raise UnusableNameError(f"{what} is empty")
    if len(cleaned) > longest:
        raise UnusableNameError(f"{what} has {len(cleaned)} characters, at most {longest} are kept: shorten it")
    if any(unicodedata.category(character) in {"Cc", "Cs"} for character in cleaned):
        raise UnusableNameError(f"{what} holds characters that are not text: remove them")
    return cleaned
