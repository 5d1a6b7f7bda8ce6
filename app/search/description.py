"""What a person typed: what to look for, what to leave out, and which tracks to go by.

    techno -vocals                   sounds like techno, away from vocals
    techno -"female vocals"          several words at once
    like:12                          sounds like track 12
    like:12 like:30 but slower       between two tracks, and towards slow

A dash is an operator only where a word begins, so ``lo-fi`` and ``Artist - Title`` are what they look like.
"""

import re
from dataclasses import dataclass

_DASHES = "\\-\N{HYPHEN}\N{NON-BREAKING HYPHEN}\N{EN DASH}\N{MINUS SIGN}\N{FULLWIDTH HYPHEN-MINUS}"
_OPENING, _CLOSING = '"“„«', '"”“»'

_OPERATOR = re.compile(
    rf"""
    (?<!\S) (?:
        [{_DASHES}] (?:
            [{_OPENING}] (?P<phrase> [^{_CLOSING}]* ) [{_CLOSING}]?  # a quotation may not be typed to its end yet
          | (?P<word> [^\s{_DASHES}{_OPENING}] \S* )
        )
      | like: (?P<track> [0-9]+ ) [,;]? (?!\S)
        (?: \s+ (?:but|and|with) (?!\S) )*
    )
    """,
    re.VERBOSE | re.IGNORECASE,
)


@dataclass(frozen=True)
class Description:
    """A query in parts.

    Attributes:
        name: What is looked up by name; None where the query speaks of sounds alone.
        positive: What it should sound like, in words.
        negatives: What it should not sound like, each in words.
        liked: Ids of tracks that it should sound like.
    """

    name: str | None
    positive: str | None
    negatives: tuple[str, ...] = ()
    liked: tuple[int, ...] = ()


def parse_description(text: str) -> Description:
    """Take a query apart. Every text is one: what is no operator is part of the words.

    A word behind a dash concerns the sound and leaves names alone: whoever types ``artist -feat`` still finds
    titles with "feat". With ``like:`` the query speaks of sounds, so nothing is looked up by name; nor is it where
    nothing but negatives is left.

    Args:
        text: As typed.
    """
    negatives: dict[str, None] = {}
    liked: dict[int, None] = {}

    def take(match: re.Match[str]) -> str:
        if match["track"] is not None:
            liked[int(match["track"])] = None
            return " "
        negative = " ".join((match["phrase"] or match["word"] or "").split())
        if not any(character.isalpha() for character in negative):
            return match[0]  # -1 and -_- are names
        negatives[negative] = None
        return " "

    rest = _OPERATOR.sub(take, text)
    if not negatives and not liked:
        return Description(name=text, positive=text)
    positive = " ".join(rest.split()) or None
    return Description(
        name=None if liked else positive, positive=positive, negatives=tuple(negatives), liked=tuple(liked)
    )
