"""Ranking of genres."""

from __future__ import annotations

import pytest

from models.genres import GenrePrediction, rank_genres, split_labels


def test_genres_are_merged_sorted_and_cut() -> None:
    scores = [("Rock", 0.2), ("House", 0.5), ("rock", 0.7), ("folk", 0.5), ("ROCK", 0.1), ("jazz", 0.123449)]

    assert rank_genres(scores, 3) == [
        GenrePrediction("rock", 0.7),
        GenrePrediction("house", 0.5),
        GenrePrediction("folk", 0.5),
    ]
    assert rank_genres(scores, 10)[-1] == GenrePrediction("jazz", 0.1234)
    assert rank_genres(scores, 0) == rank_genres([], 5) == []


def test_labels_of_the_discogs_taxonomy_become_names_of_their_own() -> None:
    """The predictions of the system that is replaced: one list of names, a genre before its subgenre."""
    scores = {
        "Electronic---Ambient": 0.19991,
        "Electronic---Experimental": 0.16726,
        "Electronic---Synth-pop": 0.122,
        "Pop---Synth-pop": 0.01,
    }
    assert rank_genres(split_labels(scores.items()), 10) == [
        GenrePrediction("electronic", 0.1999),
        GenrePrediction("ambient", 0.1999),
        GenrePrediction("experimental", 0.1673),
        GenrePrediction("synth-pop", 0.122),
        GenrePrediction("pop", 0.01),
    ]


@pytest.mark.parametrize(
    ("label", "names"),
    [
        ("Folk, World, & Country---African", ["Folk, World, & Country", "African"]),
        ("Funk / Soul---Soul", ["Funk / Soul", "Soul"]),
        ("Non-Music---Spoken Word", ["Non-Music", "Spoken Word"]),
        ("Rock", ["Rock"]),
        ("Rock---", ["Rock"]),
        (" --- ", []),
    ],
)
def test_a_label_without_a_subgenre_is_one_name(label: str, names: list[str]) -> None:
    assert list(split_labels([(label, 0.5)])) == [(name, 0.5) for name in names]
