"""Average precision, and what chance gets."""

import random

import pytest

from app.evaluation import average_precision, expected_average_precision


@pytest.mark.parametrize(
    ("ranking", "expected"),
    [
        ([True, True, False], 1.0),
        ([False, False, True], 1 / 3),
        ([True, False, True, False, True], (1 + 2 / 3 + 3 / 5) / 3),  # the example of the textbook's chapter 8
        ([False, False], 0.0),
    ],
)
def test_average_precision(ranking: list[bool], expected: float) -> None:
    assert average_precision(ranking) == pytest.approx(expected)


@pytest.mark.parametrize(("relevant", "total"), [(1, 28), (5, 28), (15, 28), (28, 28), (1, 1)])
def test_chance_is_what_shuffling_gets(relevant: int, total: int) -> None:
    randomness = random.Random(7)  # noqa: S311 - shuffles, guards nothing
    ranking = [True] * relevant + [False] * (total - relevant)
    scores = []
    for _ in range(20_000):
        randomness.shuffle(ranking)
        scores.append(average_precision(ranking))
    assert expected_average_precision(relevant, total) == pytest.approx(sum(scores) / len(scores), abs=0.005)
