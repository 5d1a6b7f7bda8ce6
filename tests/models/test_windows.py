"""The arithmetic of windows."""

from __future__ import annotations

import numpy as np
import pytest

from models.windows import batches, fill, window_starts

SIZE, HOP = 10, 8


@pytest.mark.parametrize(
    ("length", "starts"),
    [
        (SIZE, [0]),
        (SIZE + 1, [0, 1]),
        (SIZE + HOP - 1, [0, 7]),
        (SIZE + HOP, [0, 8]),
        (SIZE + HOP + 1, [0, 8, 9]),
        (SIZE + 3 * HOP, [0, 8, 16, 24]),
    ],
)
def test_windows_cover_the_whole_track(length: int, starts: list[int]) -> None:
    assert window_starts(length, SIZE, HOP) == starts
    heard = {start + offset for start in starts for offset in range(SIZE)}
    assert heard == set(range(length))


@pytest.mark.parametrize(("length", "size", "hop"), [(0, 10, 8), (9, 10, 8), (20, 10, 0), (20, 10, 11)])
def test_senseless_windows_are_refused(length: int, size: int, hop: int) -> None:
    with pytest.raises(ValueError, match=r"window|hop"):
        window_starts(length, size, hop)


@pytest.mark.parametrize(
    ("samples", "expected"), [(1, [0, 0, 0, 0, 0]), (2, [0, 1, 0, 1, 0]), (4, [0, 1, 2, 3, 0]), (5, [0, 1, 2, 3, 4])]
)
def test_short_audio_is_repeated(samples: int, expected: list[int]) -> None:
    assert fill(np.arange(samples, dtype=np.float32), 5).tolist() == expected


def test_long_audio_is_left_alone() -> None:
    waveform = np.arange(6, dtype=np.float32)
    assert fill(waveform, 5) is waveform


@pytest.mark.parametrize("shape", [(0,), (2, 5)])
def test_only_a_waveform_can_be_filled(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="waveform"):
        fill(np.zeros(shape, np.float32), 5)


@pytest.mark.parametrize("batch", [1, 2, 3, 100])
def test_batches_are_bounded_and_hold_every_window(batch: int) -> None:
    waveform = np.arange(SIZE + 4 * HOP + 3, dtype=np.float32)
    cut = list(batches(waveform, SIZE, HOP, batch))

    assert all(1 <= len(piece) <= batch for piece in cut)
    assert np.concatenate(cut)[:, 0].tolist() == window_starts(waveform.size, SIZE, HOP)
    np.testing.assert_array_equal(np.concatenate(cut)[-1], waveform[-SIZE:])


def test_an_empty_batch_is_refused() -> None:
    with pytest.raises(ValueError, match="batch"):
        list(batches(np.zeros(SIZE, np.float32), SIZE, HOP, 0))
