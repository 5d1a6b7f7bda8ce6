"""How sure a difference is."""

import numpy as np
import pytest

from app.measure.relevance.bootstrap import bootstrap_difference


def test_interval_of_many_is_that_of_the_normal_distribution() -> None:
    randomness = np.random.default_rng(3)
    others = randomness.uniform(0, 0.5, 400)
    ours = others + randomness.normal(0.1, 0.2, 400)
    found = bootstrap_difference(ours.tolist(), others.tolist())
    differences = ours - others
    error = differences.std() / 20
    assert found.mean == pytest.approx(differences.mean())
    assert found.low == pytest.approx(differences.mean() - 1.96 * error, abs=0.002)
    assert found.high == pytest.approx(differences.mean() + 1.96 * error, abs=0.002)
    assert found.is_sure


def test_pairs_are_kept_together() -> None:
    """Queries differ much, rankings always by the same: unpaired, the interval would be wide."""
    found = bootstrap_difference([0.1, 0.6, 1.0], [0.0, 0.5, 0.9])
    assert found.low == pytest.approx(0.1)
    assert found.high == pytest.approx(0.1)


def test_no_difference_is_not_sure() -> None:
    found = bootstrap_difference([1.0, 0.0] * 10, [0.0, 1.0] * 10)
    assert found.mean == 0
    assert found.low is not None
    assert found.high is not None
    assert found.low < 0 < found.high
    assert not found.is_sure
    assert not bootstrap_difference([0.5] * 9, [0.5] * 9).is_sure


def test_always_the_same() -> None:
    ours, others = [0.1, 0.9, 0.4, 0.7], [0.2, 0.5, 0.4, 0.3]
    assert bootstrap_difference(ours, others) == bootstrap_difference(ours, others)


def test_one_query_says_nothing_of_others() -> None:
    found = bootstrap_difference([1.0], [0.5])
    assert found.as_dict() == {"mean": 0.5, "low": None, "high": None}
    assert not found.is_sure


@pytest.mark.parametrize(("ours", "others"), [([], []), ([1.0], [1.0, 0.0])])
def test_pairs_are_needed(ours: list[float], others: list[float]) -> None:
    with pytest.raises(ValueError, match="paired"):
        bootstrap_difference(ours, others)
