"""What chance gets, beside all orders of few things and many orders of many."""

import itertools
import random
from dataclasses import astuple

import pytest

from app.measure.relevance.chance import expected_scores
from app.measure.relevance.metrics import Scores


@pytest.mark.parametrize("ideal", [[1], [1, 1], [3, 1], [2, 2, 1], [1, 2, 3, 1, 2], [1, 1, 1, 1, 1, 4]])
@pytest.mark.parametrize("page", [1, 2, 3, 5, 6, 50])
def test_every_order_of_six(ideal: list[int], page: int) -> None:
    grades = ideal + [0] * (6 - len(ideal))
    every = [Scores.of_ranking(order[:page], ideal) for order in itertools.permutations(grades)]
    assert astuple(expected_scores(ideal, 6, page)) == pytest.approx(astuple(Scores.mean(every)), abs=1e-12)


@pytest.mark.parametrize(
    ("ideal", "total", "page"), [([1] * 5, 28, 28), ([1] * 15, 28, 28), ([3, 2, 1, 1], 68, 50), ([2] * 40, 68, 50)]
)
def test_many_orders_of_many(ideal: list[int], total: int, page: int) -> None:
    randomness = random.Random(7)  # noqa: S311 - shuffles, guards nothing
    order = ideal + [0] * (total - len(ideal))
    scores = []
    for _ in range(10_000):
        randomness.shuffle(order)
        scores.append(Scores.of_ranking(order[:page], ideal))
    assert astuple(expected_scores(ideal, total, page)) == pytest.approx(astuple(Scores.mean(scores)), abs=0.015)


def test_the_ends() -> None:
    assert astuple(expected_scores([2], 1, 50)) == (1.0,) * 6
    assert astuple(expected_scores([1] * 28, 28, 28)) == pytest.approx((1.0,) * 6)
    million = expected_scores([1], 1_000_000, 50)
    assert million.success_at_10 == pytest.approx(1e-5)
    assert million.reciprocal_rank == pytest.approx(sum(1 / k for k in range(1, 51)) / 1e6)
    with pytest.raises(ValueError, match="cannot be relevant"):
        expected_scores([1, 1], 1, 50)
