"""Arithmetic with vectors."""

import numpy as np
import pytest

from app.search.query_vector import combine
from tests.support.catalogue import direction


def test_the_result_has_length_one_whatever_goes_in() -> None:
    vector = combine(5 * direction(0), [direction(1), 3 * direction(2)], [direction(3), direction(4)])
    assert vector.dtype == np.float32
    assert np.linalg.norm(vector) == pytest.approx(1)
    assert vector[0] > 0 > vector[1]
    assert vector[3] == pytest.approx(vector[4])


def test_words_alone_are_left_as_they_are() -> None:
    assert combine(direction(7)) == pytest.approx(direction(7))


def test_a_negative_pulls_less_than_the_words() -> None:
    vector = combine(direction(0), [direction(1)])
    assert 0 < -vector[1] < vector[0]
    # what is wanted and not wanted at once is still wanted
    assert combine(direction(0), [direction(0)]) == pytest.approx(direction(0))


def test_several_count_as_one() -> None:
    one = combine(direction(0), [direction(1)], [direction(2)])
    same = combine(direction(0), [direction(1), direction(1)], [direction(2), direction(2)])
    assert same == pytest.approx(one)


def test_negatives_alone() -> None:
    assert combine(None, [direction(1)]) == pytest.approx(-direction(1))


@pytest.mark.parametrize("liked", [[], [direction(0), -direction(0)]])
def test_nothing_left(liked: list[np.ndarray]) -> None:
    with pytest.raises(ValueError, match=r"nothing to look for|cancel out"):
        combine(None, [], liked)
