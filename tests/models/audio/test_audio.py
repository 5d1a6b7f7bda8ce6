"""Decoding: every format, every kind of broken file."""

from __future__ import annotations

import io
import tracemalloc
import wave
import zipfile
from typing import TYPE_CHECKING

import av
import numpy as np
import pytest

from models.audio.decoding import AudioError, decode, decode_windows, normalise_peak, probe
from models.audio.windows import spread_starts
from tests.support.recordings import CONTAINERS, chirp, encode, sample, write

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

RATE = 16_000


def stereo(seconds: float, rate: int) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    """Two different channels whose mean is a chirp."""
    tone = chirp(seconds, rate)
    return np.stack([1.5 * tone, 0.5 * tone])


@pytest.mark.parametrize("ending", CONTAINERS)
def test_every_format_decodes_to_the_signal_that_was_encoded(ending: str) -> None:
    rate = CONTAINERS[ending][2]
    waveform = decode(io.BytesIO(encode(stereo(3.0, rate), ending)), RATE)

    assert waveform.dtype == np.float32
    assert abs(waveform.size / RATE - 3.0) < 0.06
    expected = chirp(3.0, RATE)
    # Lossy encoders shift a signal by a few milliseconds at most.
    middle = waveform[RATE // 2 : 2 * RATE]
    correlation = max(
        float(np.corrcoef(middle, expected[RATE // 2 + lag : 2 * RATE + lag])[0, 1]) for lag in range(-800, 800, 1)
    )
    assert correlation > 0.96


@pytest.mark.parametrize("rate", [8_000, 16_000, 44_100, 48_000])
def test_the_sample_rate_is_the_one_asked_for(rate: int) -> None:
    waveform = decode(io.BytesIO(encode(stereo(2.0, 44_100), "flac")), rate)

    assert abs(waveform.size - 2 * rate) <= 2
    spectrum = np.abs(np.fft.rfft(decode(io.BytesIO(tone_at(1_000.0)), rate)))
    assert abs(int(np.argmax(spectrum)) - 1_000) <= 1


def tone_at(frequency: float) -> bytes:
    return encode(chirp(1.0, 44_100, start=frequency, slope=0.0)[None], "wav")


def test_channels_are_averaged() -> None:
    tone = chirp(1.0, 44_100)
    one_sided = decode(io.BytesIO(encode(np.stack([tone, np.zeros_like(tone)]), "wav")), 44_100)
    opposed = decode(io.BytesIO(encode(np.stack([tone, -tone]), "wav")), 44_100)

    np.testing.assert_allclose(one_sided, tone / 2, atol=1e-4)
    assert np.abs(opposed).max() < 1e-4


def test_decoding_is_the_same_to_the_bit() -> None:
    first, second = (decode(sample("calm_acoustic_1"), RATE, max_seconds=5) for _ in range(2))

    assert first.tobytes() == second.tobytes()


def test_a_path_and_a_file_object_give_the_same(tmp_path: Path) -> None:
    content = encode(stereo(1.0, 44_100), "mp3")
    path = tmp_path / "tone.mp3"
    path.write_bytes(content)

    assert (
        decode(path, RATE).tobytes() == decode(str(path), RATE).tobytes() == decode(io.BytesIO(content), RATE).tobytes()
    )


def test_a_cap_keeps_the_beginning() -> None:
    content = encode(stereo(3.0, 44_100), "flac")
    capped = decode(io.BytesIO(content), RATE, max_seconds=1.25)

    assert capped.size == 20_000
    np.testing.assert_array_equal(capped, decode(io.BytesIO(content), RATE)[:20_000])


def test_the_name_of_a_file_does_not_matter(tmp_path: Path) -> None:
    path = tmp_path / "song.txt"
    path.write_bytes(encode(stereo(1.0, 44_100), "flac"))

    assert decode(path, RATE).size == RATE


def test_probe_reads_the_headers() -> None:
    properties = probe(io.BytesIO(encode(stereo(2.0, 48_000), "opus")))

    assert (properties.container, properties.codec) == ("ogg", "opus")
    assert (properties.sample_rate, properties.channels) == (48_000, 2)
    assert properties.duration == pytest.approx(2.0, abs=0.05)


def zipped() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("song.mp3", b"music" * 1000)
    return file.getvalue()


def silent_video() -> bytes:
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as output:
        stream = output.add_stream("mpeg4", rate=10)
        assert isinstance(stream, av.VideoStream)
        stream.width = stream.height = 32
        stream.pix_fmt = "yuv420p"
        for _ in range(3):
            output.mux(stream.encode(av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8), format="rgb24")))
        output.mux(stream.encode(None))
    return file.getvalue()


def half(ending: str) -> bytes:
    content = encode(stereo(6.0, 44_100), ending)
    return content[: len(content) // 2]


PLAYLIST = b"#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\n%s\n#EXT-X-ENDLIST\n"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        pytest.param(b"", "the file is empty", id="empty"),
        pytest.param(b"just some words, not a song\n" * 50, "not an audio file", id="text"),
        pytest.param(bytes(4096), "not an audio file", id="zeros"),
        pytest.param(zipped(), "not an audio file", id="zip"),
        pytest.param(b"ID3", "not an audio file", id="three bytes"),
        pytest.param(silent_video(), "no audio stream in the file", id="video"),
        pytest.param(half("flac"), r"breaks off after \d\.\d of 6\.0 seconds", id="half a flac"),
        pytest.param(half("m4a"), "breaks off", id="half an m4a"),
    ],
)
def test_a_broken_file_is_refused_with_its_reason(content: bytes, reason: str) -> None:
    with pytest.raises(AudioError, match=reason):
        decode(io.BytesIO(content), RATE)


def test_a_file_without_samples_is_refused() -> None:
    file = io.BytesIO()
    with wave.open(file, "wb") as output:
        output.setnchannels(1)
        output.setsampwidth(2)
        output.setframerate(RATE)
    with pytest.raises(AudioError, match="the audio is empty"):
        decode(file, RATE)


@pytest.mark.parametrize("ending", ["mp3", "opus"])
def test_half_of_a_stream_plays_as_far_as_it_goes(ending: str) -> None:
    assert 1.5 < decode(io.BytesIO(half(ending)), RATE).size / RATE < 4.0


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_samples_that_are_not_numbers_are_refused(value: float) -> None:
    tone = chirp(1.0, 44_100)
    tone[1000] = value
    with pytest.raises(AudioError, match="not numbers"):
        decode(io.BytesIO(write(tone[None], "wav", "pcm_f32le", 44_100)), RATE)


def test_a_playlist_cannot_make_the_decoder_open_other_files(tmp_path: Path) -> None:
    secret = tmp_path / "secret.ts"
    secret.write_bytes(write(chirp(1.0, 44_100)[None], "mpegts", "mp2", 44_100))
    playlist = tmp_path / "song.m3u8"
    playlist.write_bytes(PLAYLIST % str(secret).encode())

    with av.open(str(playlist)) as opened:
        assert opened.streams.audio, "the playlist itself is sound"
    with pytest.raises(AudioError, match="not an audio file"):
        decode(playlist, RATE)


def test_a_waveform_is_scaled_to_its_peak() -> None:
    quiet = np.array([0.1, -0.25, 0.0], np.float32)
    np.testing.assert_allclose(normalise_peak(quiet, 0.5), [0.2, -0.5, 0.0])
    assert normalise_peak(quiet, 0.5).dtype == np.float32
    noise = np.array([5e-5, -9e-5], np.float32)
    assert normalise_peak(noise, 0.5) is noise


def test_a_damaged_packet_is_left_out() -> None:
    content = bytearray(encode(stereo(4.0, 44_100), "mp3"))
    content[len(content) // 2 : len(content) // 2 + 600] = bytes(600)

    assert decode(io.BytesIO(bytes(content)), RATE).size / RATE == pytest.approx(4.0, abs=0.3)


def test_a_missing_path_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        decode(tmp_path / "nothing.mp3", RATE)


@pytest.mark.parametrize(("rate", "cap"), [(0, None), (-1, None), (RATE, 0.0), (RATE, float("nan"))])
def test_senseless_arguments_are_refused(rate: int, cap: float | None) -> None:
    with pytest.raises(ValueError, match="must be positive"):
        decode(sample("calm_acoustic_1"), rate, max_seconds=cap)


SIZE = RATE
"""A window of one second."""


class CountedFile(io.BytesIO):
    """Knows how often somebody began to read it."""

    beginnings = 0

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Count returns to the first byte."""
        # FFmpeg goes back and forth in a header; a pass begins by asking for the length
        self.beginnings += whence == io.SEEK_END and offset == 0
        return super().seek(offset, whence)


@pytest.mark.parametrize("ending", ["flac", "mp3", "opus"])
@pytest.mark.parametrize(
    ("most", "hop"), [(90, SIZE), (90, SIZE // 2), (7, SIZE), (4, SIZE), (4, SIZE // 4), (1, SIZE)]
)
def test_windows_of_a_file_are_those_of_its_waveform(ending: str, most: int, hop: int) -> None:
    content = encode(stereo(7.3, CONTAINERS[ending][2]), ending)
    whole = decode(io.BytesIO(content), RATE)
    found = list(decode_windows(io.BytesIO(content), RATE, size=SIZE, hop=hop, most=most))
    starts = spread_starts(whole.size, SIZE, hop, most)

    assert len(found) == len(starts) <= most
    for window, start in zip(found, starts, strict=True):
        assert window.dtype == np.float32
        np.testing.assert_array_equal(window, whole[start : start + SIZE])


@pytest.mark.parametrize(("seconds", "passes"), [(0.5, 1), (3.0, 1), (4.0, 1), (4.1, 2), (9.0, 2)])
def test_only_what_exceeds_the_windows_is_decoded_twice(seconds: float, passes: int) -> None:
    def count(read: Callable[[CountedFile], object]) -> int:
        file = CountedFile(raw_wav(seconds))
        read(file)
        return file.beginnings

    once = count(lambda file: decode(file, RATE))
    assert count(lambda file: list(decode_windows(file, RATE, size=SIZE, hop=SIZE, most=4))) == passes * once


@pytest.mark.parametrize("most", [90, 4])
def test_silence_at_the_beginning_of_a_file_is_left_out(most: int) -> None:
    sound = chirp(6.2, RATE)
    later = write(np.pad(sound, (int(2.5 * RATE), 0))[None], "wav", "pcm_s16le", RATE)
    lead = int(2.5 * RATE) // 480 * 480
    rest = decode(io.BytesIO(later), RATE)[lead:]
    assert np.abs(rest[:960]).max() >= 0.001, "it must begin at once"
    found = list(decode_windows(io.BytesIO(later), RATE, size=SIZE, hop=SIZE, most=most))
    starts = spread_starts(rest.size, SIZE, SIZE, most)

    assert len(found) == len(starts)
    for window, start in zip(found, starts, strict=True):
        np.testing.assert_array_equal(window, rest[start : start + SIZE])


def test_a_silent_file_is_one_window_of_zeros() -> None:
    silent = write(np.full((1, 5 * RATE), 0.0005, np.float32), "wav", "pcm_s16le", RATE)
    (window,) = decode_windows(io.BytesIO(silent), RATE, size=SIZE, hop=SIZE, most=4)
    np.testing.assert_array_equal(window, np.zeros(SIZE, np.float32))


def raw_wav(seconds: float) -> bytes:
    return write(chirp(seconds, RATE)[None], "wav", "pcm_s16le", RATE)


def test_a_file_shorter_than_a_window_is_repeated_and_padded() -> None:
    short = decode(io.BytesIO(raw_wav(0.3)), RATE)
    (window,) = decode_windows(io.BytesIO(raw_wav(0.3)), RATE, size=SIZE, hop=SIZE, most=4)

    np.testing.assert_array_equal(window[: 3 * short.size], np.tile(short, 3))
    assert not window[3 * short.size :].any()
    assert window.size == SIZE


def test_a_long_file_is_never_in_memory_whole() -> None:
    file = io.BytesIO(raw_wav(300))
    tracemalloc.start()
    try:
        number = sum(1 for _ in decode_windows(file, RATE, size=SIZE, hop=SIZE, most=10))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert number == 10
    assert peak < 300 * RATE * 4 / 10


@pytest.mark.parametrize("most", [2, 90])
@pytest.mark.parametrize(
    ("content", "reason"),
    [
        pytest.param(b"", "the file is empty", id="empty"),
        pytest.param(b"just some words\n" * 50, "not an audio file", id="text"),
        pytest.param(half("flac"), "breaks off", id="half a flac"),
    ],
)
def test_a_broken_file_has_no_windows(content: bytes, reason: str, most: int) -> None:
    with pytest.raises(AudioError, match=reason):
        list(decode_windows(io.BytesIO(content), RATE, size=SIZE, hop=SIZE, most=most))


@pytest.mark.parametrize("most", [2, 90])
def test_windows_that_are_not_numbers_are_refused(most: int) -> None:
    tone = chirp(5.0, RATE)
    tone[100] = np.nan
    with pytest.raises(AudioError, match="not numbers"):
        list(
            decode_windows(
                io.BytesIO(write(tone[None], "wav", "pcm_f32le", RATE)), RATE, size=SIZE, hop=SIZE, most=most
            )
        )


def test_a_file_that_shrinks_while_it_is_read_is_refused() -> None:
    long, short = raw_wav(30), raw_wav(3)

    class Shrinking(io.BytesIO):
        passes = 0

        def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
            if whence == io.SEEK_END and offset == 0:
                self.passes += 1
                if self.passes > first_pass:
                    self.truncate(0)
                    super().seek(0)
                    self.write(short)
            return super().seek(offset, whence)

    first_pass = 10**9
    file = Shrinking(long)
    decode(file, RATE)
    first_pass = file.passes
    with pytest.raises(AudioError, match="the file changed while it was read"):
        list(decode_windows(Shrinking(long), RATE, size=SIZE, hop=SIZE, most=4))
