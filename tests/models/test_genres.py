"""Ranking of genres."""

from __future__ import annotations

from models.genres import GenrePrediction, rank_genres


def test_genres_are_merged_sorted_and_cut() -> None:
    scores = [("Rock", 0.2), ("House", 0.5), ("rock", 0.7), ("folk", 0.5), ("ROCK", 0.1), ("jazz", 0.123449)]

    assert rank_genres(scores, 3) == [
        GenrePrediction("rock", 0.7),
        GenrePrediction("folk", 0.5),
        GenrePrediction("house", 0.5),
    ]
    assert rank_genres(scores, 10)[-1] == GenrePrediction("jazz", 0.1234)
    assert rank_genres(scores, 0) == rank_genres([], 5) == []
