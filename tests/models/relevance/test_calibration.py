"""Curves from scores to probabilities."""

import numpy as np
import pytest

from models.registry import open_model
from models.relevance.calibration import (
    CalibrationTexts,
    fit_logistic,
    fit_sound_relatedness,
    hubness,
    load_texts,
    standard_scores,
)

RANDOM = np.random.default_rng(3)


def test_a_known_curve_is_found_again() -> None:
    scores = RANDOM.normal(size=40_000)
    positive = RANDOM.random(40_000) < 1 / (1 + np.exp(-(2.0 * scores - 0.5)))
    curve = fit_logistic(scores, positive)
    # equal weight of the classes adds the logarithm of their ratio to the log-odds
    prior = np.log((~positive).sum() / positive.sum())
    assert curve.slope == pytest.approx(2.0, abs=0.05)
    assert curve.intercept == pytest.approx(-0.5 + prior, abs=0.05)


def test_one_half_lies_where_both_are_as_likely_however_many_there_are() -> None:
    near, far = RANDOM.normal(1.0, 1.0, 200), RANDOM.normal(-1.0, 1.0, 20_000)
    curve = fit_logistic(np.concatenate([near, far]), np.arange(20_200) < 200)
    assert curve.probability(np.array([0.0]))[0] == pytest.approx(0.5, abs=0.05)


def test_classes_apart_do_not_make_the_slope_infinite() -> None:
    curve = fit_logistic(np.array([0.0, 0.1, 0.9, 1.0]), np.array([False, False, True, True]))
    assert 0 < curve.slope < 100
    probabilities = curve.probability(np.array([0.0, 0.5, 1.0]))
    assert probabilities[0] < 0.3 < probabilities[1] < 0.7 < probabilities[2]


@pytest.mark.parametrize(
    ("scores", "positive"), [([1.0, 2.0], [True, True]), ([1.0, 2.0], [False, False]), ([np.nan, 1.0], [True, False])]
)
def test_no_curve_without_both_classes(scores: list[float], positive: list[bool]) -> None:
    with pytest.raises(ValueError, match="both classes"):
        fit_logistic(np.array(scores), np.array(positive))


def test_standard_scores_mean_the_same_for_every_query() -> None:
    similarities = RANDOM.normal(size=(1, 500))
    rows = np.concatenate([similarities, 0.1 * similarities + 0.7, np.full((1, 500), 0.3)])
    scores = standard_scores(rows)
    assert np.allclose(scores[0], scores[1])
    assert not scores[2].any()


def test_a_hub_is_seen() -> None:
    similarities = RANDOM.normal(size=(300, 100))
    assert abs(hubness(similarities)) < 1
    similarities[:, 7] += 5
    assert hubness(similarities) > 3


def test_the_bank_has_both_kinds_and_no_text_twice() -> None:
    texts = load_texts()
    both = [*texts.descriptions, *texts.unrelated]
    assert len(texts.descriptions) >= 100
    assert len(texts.unrelated) >= 60
    assert len(set(both)) == len(both)


def test_the_bundled_model_tells_descriptions_from_noise() -> None:
    model = open_model("musicnn-tags")
    texts = load_texts()
    # learnt from one half of the bank, asked of the other; both as likely beforehand
    half = CalibrationTexts(texts.descriptions[::2], texts.unrelated[::2])
    curve = fit_sound_relatedness(model.sound_relatedness, half, share=0.5)
    asked = texts.descriptions[1::2], texts.unrelated[1::2]
    described, unrelated = (
        curve.probability(np.array([model.sound_relatedness(text) for text in group])) for group in asked
    )
    assert (described > 0.5).mean() > 0.8
    assert (unrelated > 0.5).mean() < 0.15
    strict = fit_sound_relatedness(model.sound_relatedness, half)
    assert strict.slope == curve.slope
    assert strict.intercept == pytest.approx(curve.intercept - np.log(3))


def test_a_text_without_words_is_not_audible() -> None:
    with pytest.raises(ValueError, match="no words"):
        open_model("musicnn-tags").sound_relatedness("!!!")
    curve = fit_sound_relatedness(
        open_model("musicnn-tags").sound_relatedness, CalibrationTexts(("piano", "techno"), ("!!!", "qqqq"))
    )
    assert curve.slope > 0
