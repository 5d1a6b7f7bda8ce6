"""The arithmetic of windows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from models.audio.windows import (
    AfterSilence,
    batched,
    batches,
    count_windows,
    fill,
    repeat_and_pad,
    spread_starts,
    window_starts,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

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
    assert count_windows(length, SIZE, HOP) == len(starts)


@pytest.mark.parametrize("length", [0, 1, SIZE - 1])
def test_less_than_a_window_is_one(length: int) -> None:
    assert count_windows(length, SIZE, HOP) == 1


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


@pytest.mark.parametrize("length", [SIZE, SIZE + 3, SIZE + 4 * HOP, SIZE + 4 * HOP + 1])
def test_few_windows_are_not_spread(length: int) -> None:
    starts = window_starts(length, SIZE, HOP)
    assert spread_starts(length, SIZE, HOP, len(starts)) == starts
    assert spread_starts(length, SIZE, HOP, 1000) == starts


@pytest.mark.parametrize("most", [2, 3, 4, 7])
@pytest.mark.parametrize("length", [SIZE + 10 * HOP, SIZE + 10 * HOP + 1, 997])
def test_too_many_windows_are_spread_evenly_from_the_beginning_to_the_end(length: int, most: int) -> None:
    starts = spread_starts(length, SIZE, HOP, most)

    assert len(starts) == most
    assert (starts[0], starts[-1] + SIZE) == (0, length)
    steps = np.diff(starts)
    assert steps.min() >= HOP, "windows that overlap more than they were meant to hear less"
    assert steps.max() - steps.min() <= 1


def test_one_window_is_the_first() -> None:
    assert spread_starts(997, SIZE, HOP, 1) == [0]


def test_the_smallest_excess_keeps_as_many_windows_as_may_be() -> None:
    length = SIZE + 4 * HOP + 1
    assert spread_starts(length, SIZE, HOP, 5) == [0, 8, 16, 24, 33]


@pytest.mark.parametrize(("length", "most"), [(100, 0), (100, -1), (SIZE - 1, 3)])
def test_senseless_spreads_are_refused(length: int, most: int) -> None:
    with pytest.raises(ValueError, match=r"most must be positive|do not fill a window"):
        spread_starts(length, SIZE, HOP, most)


@pytest.mark.parametrize(
    ("samples", "expected"),
    [
        (1, [0, 0, 0, 0, 0, 0, 0]),
        (2, [0, 1, 0, 1, 0, 1, 0]),
        (3, [0, 1, 2, 0, 1, 2, 0]),
        (4, [0, 1, 2, 3, 0, 0, 0]),
        (7, [0, 1, 2, 3, 4, 5, 6]),
    ],
)
def test_only_whole_repetitions_are_repeated(samples: int, expected: list[int]) -> None:
    repeated = repeat_and_pad(np.arange(samples, dtype=np.float32), 7)
    assert repeated.tolist() == expected
    assert repeated.dtype == np.float32


@pytest.mark.parametrize(("number", "sizes"), [(0, []), (1, [1]), (3, [3]), (4, [3, 1]), (7, [3, 3, 1])])
def test_windows_go_together_in_their_order(number: int, sizes: list[int]) -> None:
    stacked = list(batched((np.full(2, place, np.float32) for place in range(number)), 3))
    assert [len(batch) for batch in stacked] == sizes
    assert [int(window[0]) for batch in stacked for window in batch] == list(range(number))


def test_no_more_windows_are_taken_than_one_batch_needs() -> None:
    taken: list[int] = []

    def windows() -> Iterator[NDArray[np.float32]]:
        for place in range(10):
            taken.append(place)
            yield np.zeros(2, np.float32)

    next(batched(windows(), 3))
    assert taken == [0, 1, 2]


@pytest.mark.parametrize("chunk", [1, 7, 480, 481, 5000])
@pytest.mark.parametrize(("silent", "skipped"), [(0, 0), (479, 0), (480, 480), (1000, 960), (4799, 4320), (9600, 9600)])
def test_silence_at_the_beginning_is_left_out_in_whole_steps(chunk: int, silent: int, skipped: int) -> None:
    waveform = np.concatenate([np.full(silent, 0.0009, np.float32), np.array([-0.001, 0, 0, 1], np.float32)])
    sound = AfterSilence(waveform[start : start + chunk] for start in range(0, waveform.size, chunk))
    np.testing.assert_array_equal(np.concatenate(list(sound)), waveform[skipped:])
    assert sound.skipped == skipped


@pytest.mark.parametrize("chunk", [1, 480, 700])
def test_of_nothing_but_silence_nothing_is_left(chunk: int) -> None:
    sound = AfterSilence(np.zeros(min(chunk, 1000 - start), np.float32) for start in range(0, 1000, chunk))
    assert list(sound) == []
    assert sound.skipped == 1000
    assert list(AfterSilence([])) == []


def test_what_is_no_number_is_no_silence() -> None:
    waveform = np.array([0, 0, np.nan, 0], np.float32)
    np.testing.assert_array_equal(np.concatenate(list(AfterSilence([waveform]))), waveform)
