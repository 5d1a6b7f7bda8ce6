"""What sounds alike lies together in the picture."""

import numpy as np
import pytest
from numpy import float32
from numpy.typing import NDArray

from models.projection import NEIGHBOURS, find_neighbours, lay_out


def styles(count: int, each: int, dimensions: int = 64, seed: int = 3) -> tuple[NDArray[float32], NDArray[np.int64]]:
    """Unit vectors in clusters, and whose each is."""
    random = np.random.default_rng(seed)
    centres = random.standard_normal((count, dimensions))
    style = np.repeat(np.arange(count), each)
    vectors = centres[style] + 0.3 * random.standard_normal((count * each, dimensions))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(float32), style


def nearest(points: NDArray[float32], count: int) -> NDArray[np.int64]:
    distances = ((points[:, None] - points[None]) ** 2).sum(axis=-1)
    np.fill_diagonal(distances, np.inf)
    return np.argsort(distances, axis=1)[:, :count]


def test_neighbours_in_the_picture_are_of_one_style() -> None:
    vectors, style = styles(60, 20)
    plane = lay_out(vectors)
    assert plane.shape == (1200, 2)
    assert (style[nearest(plane, 10)] == style[:, None]).mean() > 0.9
    # the first two components alone do not tell so many styles apart
    centred = vectors - vectors.mean(axis=0)
    components = centred @ np.linalg.svd(centred, full_matrices=False)[2][:2].T
    assert (style[nearest(components, 10)] == style[:, None]).mean() < 0.7


def test_the_picture_fills_the_square_evenly() -> None:
    plane = lay_out(styles(20, 40)[0])
    assert (plane.min(), plane.max()) == (0, 1)
    assert np.quantile(plane, [0.25, 0.5, 0.75], axis=0) == pytest.approx(
        np.array([[0.25, 0.25], [0.5, 0.5], [0.75, 0.75]]), abs=0.01
    )


def test_the_same_catalogue_gives_the_same_picture() -> None:
    vectors, _ = styles(5, 20)
    assert np.array_equal(lay_out(vectors), lay_out(vectors))


def test_a_picture_goes_on_from_the_one_before() -> None:
    """A few tracks more do not turn everything over."""
    vectors, _ = styles(10, 30)
    first = lay_out(vectors[:-20])
    before = np.concatenate([first, np.full((20, 2), np.nan, float32)])
    moved = np.abs(lay_out(vectors, before)[:-20] - first).mean()
    assert moved < 0.5 * np.abs(lay_out(vectors, seed=7)[:-20] - first).mean()
    assert moved < 0.1


@pytest.mark.parametrize("points", [0, 1, 2, 3, 10, NEIGHBOURS, NEIGHBOURS + 1, NEIGHBOURS + 2])
def test_few_tracks_are_drawn_too(points: int) -> None:
    plane = lay_out(styles(1, points)[0] if points else np.empty((0, 64), float32))
    assert plane.shape == (points, 2)
    assert np.isfinite(plane).all()
    assert points < 2 or len(np.unique(plane, axis=0)) == points


def test_tracks_that_are_the_same_do_no_harm() -> None:
    plane = lay_out(np.ones((50, 8), float32) / np.sqrt(float32(8)))
    assert np.isfinite(plane).all()


def test_neighbours_are_nearly_those_of_an_exact_search() -> None:
    vectors, _ = styles(30, 50)
    found = find_neighbours(vectors, 10, np.random.default_rng(1))
    exact = nearest(vectors, 10)
    assert not (found == np.arange(len(vectors))[:, None]).any()
    kept = [len(set(one) & set(other)) / 10 for one, other in zip(found, exact, strict=True)]
    assert np.mean(kept) > 0.9
