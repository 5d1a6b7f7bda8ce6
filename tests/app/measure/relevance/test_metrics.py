"""The metrics, on rankings counted by hand and beside another implementation."""

import random

import pytest
from sklearn.metrics import average_precision_score, ndcg_score  # type: ignore[import-untyped]  # librosa brings it

from app.measure.relevance.metrics import Scores, average_precision, dcg_at, gain, ndcg_at, reciprocal_rank, success_at


@pytest.mark.parametrize(
    ("ranking", "relevant", "expected"),
    [
        ([1, 1, 0], 2, 1.0),
        ([0, 0, 1], 1, 1 / 3),
        ([1, 0, 1, 0, 1], 3, (1 + 2 / 3 + 3 / 5) / 3),  # the example of the textbook's chapter 8
        ([1, 0, 3, 0, 2], 3, (1 + 2 / 3 + 3 / 5) / 3),  # grades make no difference to it
        ([1, 0, 1], 4, (1 + 2 / 3) / 4),  # two are not listed
        ([0, 0], 2, 0.0),
        ([], 1, 0.0),
    ],
)
def test_average_precision(ranking: list[int], relevant: int, expected: float) -> None:
    assert average_precision(ranking, relevant) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("ranking", "expected"), [([2, 0], 1.0), ([0, 1, 1], 1 / 2), ([0, 0, 0, 1], 1 / 4), ([0, 0], 0.0), ([], 0.0)]
)
def test_reciprocal_rank(ranking: list[int], expected: float) -> None:
    assert reciprocal_rank(ranking) == expected


def test_success_looks_at_the_first_places() -> None:
    ranking = [0, 0, 0, 0, 1, 0]
    assert [success_at(ranking, cutoff) for cutoff in (1, 4, 5, 10)] == [0.0, 0.0, 1.0, 1.0]


def test_gains_and_discounts() -> None:
    assert [gain(grade) for grade in range(5)] == [0, 1, 3, 7, 15]
    # log2 of 2, 4 and 8 at the places 1, 3 and 7
    assert dcg_at([2, 0, 3, 0, 0, 0, 1], 10) == pytest.approx(3 / 1 + 7 / 2 + 1 / 3)
    assert dcg_at([2, 0, 3, 0, 0, 0, 1], 3) == pytest.approx(3 / 1 + 7 / 2)


def test_ndcg_is_the_share_of_the_best_order() -> None:
    assert ndcg_at([3, 2, 1], [1, 2, 3], 10) == 1.0
    assert ndcg_at([0, 0, 2], [2], 10) == pytest.approx(1 / 2)
    # what is not listed counts in the ideal: 7/1 + 3/log2(3) was to be had
    assert ndcg_at([3], [3, 2], 10) == pytest.approx(7 / (7 + 3 / 1.5849625))
    # more than fits on the page is not asked for
    assert ndcg_at([1] * 10, [1] * 15, 10) == 1.0
    assert ndcg_at([0] * 10, [], 10) == 0.0


def test_ndcg_and_average_precision_agree_with_scikit_learn() -> None:
    randomness = random.Random(11)  # noqa: S311 - shuffles, guards nothing
    for _ in range(50):
        ranking = [randomness.choice([0, 0, 1, 2, 3]) for _ in range(20)]
        if not any(ranking):
            continue
        ideal = [grade for grade in ranking if grade]
        descending = [float(-place) for place in range(20)]
        gains = [gain(grade) for grade in ranking]
        assert ndcg_at(ranking, ideal, 10) == pytest.approx(ndcg_score([gains], [descending], k=10))
        flags = [bool(grade) for grade in ranking]
        assert average_precision(ranking, len(ideal)) == pytest.approx(average_precision_score(flags, descending))


def test_all_metrics_of_a_ranking_and_their_mean() -> None:
    first, second = Scores.of_ranking([0, 2, 0], [2, 1]), Scores.of_ranking([1], [1])
    assert (first.success_at_1, first.success_at_5, first.reciprocal_rank) == (0.0, 1.0, 0.5)
    assert first.average_precision == pytest.approx(1 / 4)
    assert second.as_dict() == dict.fromkeys(second.as_dict(), 1.0)
    mean = Scores.mean([first, second])
    assert mean.success_at_1 == 0.5
    assert mean.ndcg_at_10 == pytest.approx((first.ndcg_at_10 + 1) / 2)
    with pytest.raises(ValueError, match="no scores"):
        Scores.mean([])
