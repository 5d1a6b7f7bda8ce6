"""Fit the curve from standard score to match on the labelled descriptions of the sample library.

Prints the lines for models/manifest.toml, and how well probabilities agree with frequencies.

Example:
    python -m scripts.build_models.calibrate_match musicnn-tags
"""

import sys
import tomllib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from app.measure.sample import load_library, recordings_dir
from models.audio.decoding import decode
from models.registry import open_model
from models.relevance.calibration import LogisticCurve, fit_logistic, standard_scores

_DESCRIPTIONS = Path(__file__).resolve().parents[2] / "app" / "measure" / "sample" / "descriptions.toml"


def labelled_scores(name: str) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Standard score of every description and track of the sample library, and whether it is labelled relevant.

    Args:
        name: Of a model in the manifest.

    Returns:
        Both of shape `(descriptions, tracks)`.
    """
    model = open_model(name)
    files = [track.file for track in load_library().tracks]
    tracks = []
    for file in files:
        with (recordings_dir() / file).open("rb") as recording:
            tracks.append(model.embed_audio(decode(recording, model.card.sample_rate)))
    queries = tomllib.loads(_DESCRIPTIONS.read_text(encoding="utf-8"))["queries"]
    texts = np.array([model.embed_text(query["text"]) for query in queries])
    relevant = np.array([[file in query["relevant"] for file in files] for query in queries])
    return standard_scores(texts.astype(np.float64) @ np.array(tracks).T), relevant


def main(name: str) -> None:
    """Fit and print."""
    scores, relevant = labelled_scores(name)
    curve = fit_logistic(scores.ravel(), relevant.ravel())
    sys.stdout.write(f"[model.match]\nslope = {curve.slope:.2f}\nintercept = {curve.intercept:.2f}\n\n")
    for low, high, count, mean, share in reliability(curve, scores.ravel(), relevant.ravel()):
        sys.stdout.write(f"{low:.1f} to {high:.1f}: {count:4d} pairs, mean {mean:.2f}, relevant {share:.2f}\n")


def reliability(
    curve: LogisticCurve, scores: NDArray[np.float64], relevant: NDArray[np.bool_], bins: int = 5
) -> list[tuple[float, float, int, float, float]]:
    """Mean probability beside the share that is relevant, both classes weighing the same, in equal bins.

    Returns:
        Lower and upper end, pairs, mean probability and relevant share of each bin that is not empty.
    """
    probabilities = curve.probability(scores)
    weights = np.where(relevant, 0.5 / relevant.sum(), 0.5 / (~relevant).sum())
    rows = []
    for number in range(bins):
        low, high = number / bins, (number + 1) / bins
        inside = (probabilities >= low) & (probabilities < high)
        if inside.any():
            share = float(weights[inside & relevant].sum() / weights[inside].sum())
            rows.append((low, high, int(inside.sum()), float(probabilities[inside].mean()), share))
    return rows


if __name__ == "__main__":
    main(*sys.argv[1:2] or ["musicnn-tags"])
