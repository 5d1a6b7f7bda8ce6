"""A catalogue as a picture: vectors laid out on a plane so that what sounds alike lies together."""

import numpy as np
from numpy import float32
from numpy.typing import NDArray

NEIGHBOURS = 15
"""Of each point, as many as UMAP takes by default: fewer tear the picture apart, more blur it."""

_COMPONENTS = 48
_EPOCHS = 200
_OTHERS = 5
_STEP = 0.1
_PULL = 0.2
_PROBED = 6
_FARTHEST = 4.0

Plane = NDArray[float32]


def lay_out(vectors: NDArray[float32], before: Plane | None = None, *, seed: int = 1) -> Plane:
    """Positions of vectors on a plane.

    A principal component analysis gives the first picture. Neighbours then pull each other together while others push
    each other apart, as in UMAP (McInnes, Healy, Melville 2018, section 3.2), all points at once.

    Args:
        vectors: Of length 1, shape (points, dimensions).
        before: Where they were in an earlier picture, which the new one begins from; rows of NaN for new ones.
        seed: Of what is random; the same gives the same picture.

    Returns:
        Shape (points, 2), each axis from 0 to 1.
    """
    points = len(vectors)
    if points < 3:
        return np.linspace(0.25, 0.75, max(points, 1), dtype=float32)[:points, None].repeat(2, axis=1)
    components = _principal_components(vectors)
    plane = _first_picture(components, before)
    random = np.random.default_rng(seed)
    if points > NEIGHBOURS:
        plane = _pull_together(plane, find_neighbours(components, NEIGHBOURS, random), random)
    return _fit(plane)


def find_neighbours(vectors: NDArray[float32], count: int, random: np.random.Generator) -> NDArray[np.int64]:
    """About the nearest of each vector, without itself: among those of the cells that lie nearest.

    Args:
        vectors: Shape (points, dimensions).
        count: How many of each.
        random: Draws the cells.

    Returns:
        Indices, shape (points, count).
    """
    points = len(vectors)
    cells = max(1, int(points**0.5 / 2))
    centres = vectors[random.choice(points, cells, replace=False)]
    for _ in range(5):
        cell = _nearest_rows(vectors, centres, 1)[:, 0]
        sums = np.zeros_like(centres)
        np.add.at(sums, cell, vectors)
        sizes = np.bincount(cell, minlength=cells)[:, None]
        centres = np.where(sizes > 0, sums / np.maximum(sizes, 1), centres).astype(float32)
    cell = _nearest_rows(vectors, centres, 1)[:, 0]
    members = [np.flatnonzero(cell == number) for number in range(cells)]
    near = _nearest_rows(centres, centres, min(_PROBED, cells))
    found = np.empty((points, count), np.int64)
    for number in range(cells):
        own = members[number]
        if not len(own):
            continue
        others = np.concatenate([members[other] for other in near[number]])
        if len(others) <= count:
            others = np.arange(points)
        nearest = _nearest_rows(vectors[own], vectors[others], count + 1)
        found[own] = _without_itself(others[nearest], own)
    return found


def _without_itself(rows: NDArray[np.int64], own: NDArray[np.int64]) -> NDArray[np.int64]:
    """Each row less its own point, or less its last where that is not in it."""
    kept = rows != own[:, None]
    kept[kept.all(axis=1), -1] = False
    others: NDArray[np.int64] = rows[kept].reshape(len(rows), rows.shape[1] - 1)
    return others


def _nearest_rows(vectors: NDArray[float32], others: NDArray[float32], count: int) -> NDArray[np.int64]:
    """Indices of the nearest of ``others`` for each vector, the nearest first, by Euclidean distance."""
    distances = (others**2).sum(axis=1)[None] - 2 * vectors @ others.T
    if count >= len(others):
        return np.argsort(distances, axis=1)[:, :count]
    some = np.argpartition(distances, count, axis=1)[:, :count]
    order = np.argsort(np.take_along_axis(distances, some, axis=1), axis=1)
    nearest: NDArray[np.int64] = np.take_along_axis(some, order, axis=1)
    return nearest


def _principal_components(vectors: NDArray[float32]) -> NDArray[float32]:
    centred = vectors - vectors.mean(axis=0)
    _, basis = np.linalg.eigh(centred.T @ centred)
    # the sign of an eigenvector is chance: the picture must not be turned over by it
    chosen = basis[:, ::-1][:, :_COMPONENTS]
    chosen = chosen * np.sign(chosen[np.abs(chosen).argmax(axis=0), np.arange(chosen.shape[1])])
    components: NDArray[float32] = (centred @ chosen).astype(float32)
    return components


def _first_picture(components: NDArray[float32], before: Plane | None) -> Plane:
    plane = components[:, :2] if components.shape[1] > 1 else np.repeat(components, 2, axis=1)
    plane = 10 * plane / max(float(plane.std()), 1e-6)
    if before is not None:
        known = ~np.isnan(before).any(axis=1)
        if known.sum() > NEIGHBOURS:
            centre, size = before[known].mean(axis=0), max(float(before[known].std()), 1e-6)
            plane[known] = 10 * (before[known] - centre) / size
    return plane.astype(float32)


def _pull_together(plane: Plane, neighbours: NDArray[np.int64], random: np.random.Generator) -> Plane:
    points, count = neighbours.shape
    start, end = np.repeat(np.arange(points), count), neighbours.ravel()
    for epoch in range(_EPOCHS):
        step = _STEP * (1 - epoch / _EPOCHS)
        apart = plane[start] - plane[end]
        pull = -2 * _PULL * apart / (1 + (apart**2).sum(axis=1, keepdims=True))
        moved = _summed(start, pull, points) - _summed(end, pull, points)
        for _ in range(_OTHERS):
            other = random.integers(points, size=points)
            apart = plane - plane[other]
            square = (apart**2).sum(axis=1, keepdims=True)
            # each stands for the pushes of a sample as large as that of the neighbours
            moved += count * 2 * apart / ((0.01 + square) * (1 + square))
        plane = plane + step * np.clip(moved, -_FARTHEST, _FARTHEST)
    return plane


def _summed(places: NDArray[np.int64], amounts: NDArray[float32], points: int) -> Plane:
    axes = [np.bincount(places, amounts[:, axis], points) for axis in range(2)]
    return np.stack(axes, axis=1).astype(float32)


def _fit(plane: Plane) -> Plane:
    """Into the unit square, evenly: crowds take the room that they need, and what lies apart leaves none empty."""
    ranks = plane.argsort(axis=0, kind="stable").argsort(axis=0, kind="stable")
    return (ranks / max(len(plane) - 1, 1)).astype(float32)
