"""How much of what was typed is looked for, and what an index is asked at most."""

import random
from typing import Any

import psycopg
import pytest

from tests.support.catalogue import Catalogue

Connection = psycopg.Connection[Any]

MOST_TERMS = 80
"""Words of the vocabulary that a query names, once for a name and once for its context: what a search costs."""

LETTERS = "abcdefghijklmnopqrst"


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("", []),
        ("rain", ["rain"]),
        ("rain on rain", ["on", "rain"]),
        ("s t b s t b s t", ["b", "s", "t"]),
        ("new york new y", ["york", "new", "y"]),
        (" ".join(LETTERS), [*LETTERS[:15], "t"]),
        ("a" * 100, ["a" * 100]),
    ],
)
def test_each_word_once_the_first_and_the_last(connection: Connection, typed: str, words: list[str]) -> None:
    assert connection.execute("select search_internal.typed_words(%s)", [typed]).fetchone() == (words,)


def test_a_repeated_word_asks_for_no_more(catalogue: Catalogue) -> None:
    catalogue.track("Rain on Stone")
    catalogue.track("Stone in the Rain")
    twice = [(row["label"], row["tier"]) for row in catalogue.search("stone rain stone rain stone rain")]
    assert twice == [(row["label"], row["tier"]) for row in catalogue.search("stone rain")] != []


def test_a_long_title_is_found_by_the_words_that_are_looked_for(catalogue: Catalogue) -> None:
    words = [f"word{number}" for number in range(20)]
    catalogue.track("The Thing: " + " ".join(words))
    # a prefix of it would be found without words
    assert catalogue.labels(" ".join(words), types=["track"]) == ["The Thing: " + " ".join(words)]


@pytest.fixture
def crowded(catalogue: Catalogue, connection: Connection) -> list[str]:
    """Words, forty that begin with each letter, all of them common."""
    words = [f"{letter}{one}{two}" for letter in LETTERS for one in "aeiou" for two in LETTERS[:8]]
    connection.execute(
        "insert into tracks (artist_did, title, file_id, file_type) "
        "select %s, word, word, 'mp3' from unnest(%s::text[]) word",
        [catalogue.artist(), words],
    )
    connection.execute("insert into search.common_words select word, 500 from unnest(%s::text[]) word", [words])
    return words


def _queries(words: list[str]) -> list[str]:
    """Letters, beginnings, common words and typos, in any number that the box takes."""
    dice = random.Random(1)  # noqa: S311 - makes queries, guards nothing
    drawn = []
    for count in (1, 2, 3, 5, 8, 15, 33, 50):
        chosen = dice.sample(words, count)
        drawn += [
            " ".join(chosen),
            " ".join(word[0] for word in chosen),
            " ".join(word[:2] for word in chosen),
            " ".join([*chosen[: count // 2], *(word[0] for word in chosen[count // 2 :])]),
            " ".join(f"{word}x" for word in chosen),
        ]
    return [query[:100] for query in drawn]


def test_what_an_index_is_asked_has_a_bound(connection: Connection, crowded: list[str]) -> None:
    for query in _queries(crowded):
        asked = connection.execute(
            """
            select (select coalesce(sum(regexp_count(form, chr(1))), 0) from unnest(w.forms) as form)
                       * case when w.in_context then 2 else 1 end,
                   (select coalesce(sum(regexp_count(form, chr(1))), 0) from unnest(l.forms) as form)
            from search_internal.typed_words(%s) as typed,
                 search_internal.word_forms(typed, '{}') as w, search_internal.likely_forms(typed, '{}', w.known) as l
            """,
            [query],
        ).fetchone()
        assert asked is not None
        assert max(asked) <= MOST_TERMS, query
