"""Decoding in a process of its own: the same bits, whatever happens to the process."""

import io
import os
import signal
import struct
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import numpy as np
import psutil
import pytest

from app.measure.sample.pieces import WAYS, break_pieces
from models.audio.abandonment import AbandonedError, Abandonment
from models.audio.decoder import decoding, end_idle_decoders
from models.audio.decoding import AudioError, DecoderCrashedError, DecoderLimits, decode, decode_windows, identify
from models.audio.sound_file import FORMATS, open_sound
from tests.support.costly_audio import changing_rates
from tests.support.decoders import GREEDY, STUCK, decoding_by, running_decoders, wait_until
from tests.support.recordings import chirp, encode, sample, write

RATE = 16_000
LIMITS = DecoderLimits()


class SlowFile(io.BytesIO):
    """Takes a tenth of a second for each read."""

    def read(self, size: int | None = -1, /) -> bytes:
        end = time.monotonic() + 0.1
        while time.monotonic() < end:
            pass
        return super().read(size)


@pytest.fixture
def none_idle() -> None:
    """The next decoder is a new one, and the only one."""
    end_idle_decoders()


def the_decoder() -> psutil.Process:
    (child,) = running_decoders()
    return child


def stereo(seconds: float, rate: int) -> Any:
    return np.stack([chirp(seconds, rate), chirp(seconds, rate, start=90.0)])


@pytest.mark.parametrize("file_type", FORMATS)
@pytest.mark.parametrize("rate", [RATE, 48_000])
def test_the_bits_are_those_of_decoding_in_this_process(file_type: str, rate: int) -> None:
    content = encode(stereo(3.3, 48_000 if file_type in {"opus", "webm"} else 44_100), file_type)
    with open_sound(io.BytesIO(content)) as sound:
        here = np.concatenate(list(sound.samples(rate, None)))
    assert (decode(io.BytesIO(content), rate) == here).all()


@pytest.mark.parametrize("file_type", FORMATS)
def test_a_file_is_what_its_content_is(file_type: str) -> None:
    content = encode(stereo(1.0, 48_000 if file_type in {"opus", "webm"} else 44_100), file_type)
    found = identify(io.BytesIO(content))
    assert (found.file_type, found.channels) == (file_type, 2)


@pytest.mark.parametrize(
    "way", ["a zip with another name", "empty", "no samples", "noise", "a playlist of other files"]
)
def test_what_is_no_audio_is_not_taken_for_some(way: str) -> None:
    content = WAYS[way](encode(stereo(1.0, 44_100), "mp3"), np.random.default_rng(1))
    with pytest.raises(AudioError):
        identify(io.BytesIO(content))


@pytest.mark.usefixtures("none_idle")
def test_one_process_serves_one_file_after_the_other() -> None:
    decode(sample("calm_acoustic_1"), RATE)
    before = the_decoder().pid
    for _ in range(3):
        identify(sample("happy_acoustic_1"))
        decode(sample("calm_acoustic_1"), RATE, max_seconds=1)
    assert the_decoder().pid == before


@pytest.mark.usefixtures("none_idle")
def test_several_threads_decode_at_once() -> None:
    content = sample("calm_acoustic_1").read_bytes()
    alone = decode(io.BytesIO(content), RATE)
    with ThreadPoolExecutor(6) as pool:
        together = list(pool.map(lambda _: decode(io.BytesIO(content), RATE), range(12)))
    assert all((waveform == alone).all() for waveform in together)
    assert len(running_decoders()) <= 4, "idle ones beyond that are ended"


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGKILL, signal.SIGABRT])
@pytest.mark.usefixtures("none_idle")
def test_a_decoder_that_dies_takes_nothing_with_it(number: signal.Signals) -> None:
    with (  # noqa: PT012 - it dies midway
        sample("calm_acoustic_1").open("rb") as file,
        pytest.raises(DecoderCrashedError, match=number.name),
        decoding(file, 48_000, LIMITS) as chunks,
    ):
        next(chunks)
        os.kill(the_decoder().pid, number)
        list(chunks)
    assert decode(sample("calm_acoustic_1"), RATE).size


@pytest.mark.usefixtures("none_idle")
def test_one_that_died_while_it_was_idle_is_replaced() -> None:
    decode(sample("calm_acoustic_1"), RATE, max_seconds=1)
    for child in running_decoders():
        child.kill()
    # it may still be dying, and takes orders meanwhile
    assert decode(sample("calm_acoustic_1"), RATE, max_seconds=1).size == RATE


@pytest.mark.usefixtures("none_idle")
def test_one_that_dies_with_the_order_in_its_hands_is_replaced() -> None:
    decode(sample("calm_acoustic_1"), RATE, max_seconds=1)
    idle = the_decoder()
    idle.suspend()  # it still takes what is sent
    with ThreadPoolExecutor(1) as pool:
        decoded = pool.submit(decode, sample("calm_acoustic_1"), RATE, max_seconds=1)
        time.sleep(0.3)
        assert not decoded.done()
        idle.kill()
        assert decoded.result().size == RATE


@pytest.mark.usefixtures("none_idle")
def test_one_that_no_longer_answers_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    decode(sample("calm_acoustic_1"), RATE, max_seconds=1)
    idle = the_decoder()
    idle.suspend()
    monkeypatch.setattr("models.audio.decoder_process._READY_SECONDS", 8)
    assert decode(sample("calm_acoustic_1"), RATE, max_seconds=1).size == RATE
    assert idle not in running_decoders()


@pytest.mark.usefixtures("none_idle")
def test_a_decoder_that_takes_too_long_is_killed_and_the_file_refused() -> None:
    file = io.BytesIO(write(np.zeros((1, 600 * 8000), np.float32), "flac", "flac", 8000))
    with pytest.raises(AudioError, match=r"longer than 0\.01 seconds"):
        decode(file, 48_000, limits=DecoderLimits(seconds=0.01))
    assert running_decoders() == []


@pytest.mark.parametrize(
    "message",
    [
        b'P{"container": "ogg", "codec": "opus", "duration": 1, "sample_rate": 1, "channels": 1, "file_type": "../x"}',
        b'P{"container": "ogg", "codec": "opus", "duration": "1", "sample_rate": 1, "channels": 1, "file_type": "ogg"}',
        b'P{"container": "ogg", "codec": "opus", "duration": NaN, "sample_rate": 1, "channels": 1, "file_type": "ogg"}',
        b'P{"container": "\\u0000", "codec": "", "duration": 1, "sample_rate": 1, "channels": 1, "file_type": "ogg"}',
        b'P{"container": "ogg", "codec": 0, "duration": 1, "sample_rate": 1, "channels": 1, "file_type": "ogg"}',
        b"P", b"P{}", b"P[1]", b"P" + b"[" * 100_000, b"C", b"C1234567", b"C123456789", b"R", b"R{}", b"X", b"H{}",
        b'R{"offset": -1, "size": 1}', b'R{"offset": 1e400, "size": 1}', b'R{"offset": 0, "size": -1}',
        b'R{"offset": 1180591620717411303424, "size": 1}', b'R{"offset": "x", "size": null}', b"C" * (2**20 + 1),
    ],
    ids=lambda message: message[:24].decode(),
)  # fmt: skip
def test_a_decoder_that_says_what_it_should_not_has_crashed(message: bytes) -> None:
    with decoding_by("tests.support.lying_decoder"):
        for ask in (identify, lambda file: decode(file, RATE)):
            with pytest.raises(DecoderCrashedError):
                ask(io.BytesIO(message))


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (b"no sound\0 in\x1b[31m it\r\n\x7f", "no sound in[31m it"),
        ("Käse \u202e\u2028\ue000".encode() + b"\xff", "Käse \ufffd"),
        (b"x" * 1_000_000, "x" * 300),
        (("\U0001d11e" * 1_000).encode(), "\U0001d11e" * 300),
        (b"\0\n", "it cannot be decoded"),
        (b"", "it cannot be decoded"),
    ],
)
def test_what_a_decoder_says_of_a_file_is_a_short_line(said: bytes, told: str) -> None:
    with decoding_by("tests.support.lying_decoder"), pytest.raises(AudioError) as refused:
        identify(io.BytesIO(b"F" + said))
    assert str(refused.value) == told


def test_a_hard_limit_of_the_service_stays_as_it_is() -> None:
    code = (
        "import resource, sys; from models.audio.sandbox.confine import _drop_capabilities\n"
        "for kind, hard in ((resource.RLIMIT_AS, 2**36), (resource.RLIMIT_CPU, 1000)):\n"
        "    resource.setrlimit(kind, (hard, hard))\n"
        "_drop_capabilities()\n"
        "from models.audio.decoding import decode, DecoderLimits; from tests.support.decoders import running_decoders\n"
        "for seconds in (60, 1e6): assert decode(sys.argv[1], 16000, limits=DecoderLimits(seconds)).size\n"
        "(child,) = running_decoders()\n"
        "assert child.rlimit(resource.RLIMIT_CPU) == (1000, 1000)\n"
        "soft, hard = child.rlimit(resource.RLIMIT_AS)\n"
        "assert soft < hard == 2**36"
    )
    program = [sys.executable, "-c", code, str(sample("calm_acoustic_1"))]
    done = subprocess.run(program, check=False, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(("way", "most"), [("samples", RATE), ("single samples", 100_000), ("no samples", None)])
def test_a_decoder_that_sends_more_than_it_should_is_ended(way: str, most: int | None) -> None:
    count = chunks = 0
    with decoding_by(GREEDY):
        with (  # noqa: PT012 - some samples are as they should be
            pytest.raises(DecoderCrashedError, match="unexpected"),
            decoding(io.BytesIO(way.encode()), RATE, LIMITS, most=most) as decoded,
        ):
            for chunk in decoded:
                count, chunks = count + chunk.size, chunks + 1
                assert (chunks <= 10, most is None or count <= most) == (True, True)
        assert running_decoders(GREEDY) == []


def test_audio_without_an_end_is_refused() -> None:
    with decoding_by(GREEDY), pytest.raises(AudioError, match="longer than 90 seconds"):
        decode(io.BytesIO(b"samples"), RATE, limits=DecoderLimits(audio_seconds=90.0))


def test_a_whole_waveform_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("models.audio.decoding._MOST_KEPT", 3 * RATE)
    with pytest.raises(AudioError, match="more than 48000 samples"):
        decode(sample("calm_acoustic_1"), RATE)
    assert decode(sample("calm_acoustic_1"), RATE, max_seconds=4).size == 4 * RATE


def test_what_a_decoder_says_of_its_work_is_bounded_by_what_it_sends() -> None:
    # a chunk of a second, and the claim that it was made of a million years
    with (
        decoding_by(GREEDY),
        pytest.raises(AudioError, match=r"decoding 1\.0 seconds of it takes more than 0\.\d seconds"),
    ):
        decode(io.BytesIO(b"values"), RATE, limits=DecoderLimits(seconds=20.0, spare_work=0.2, work_per_second=0.01))


def test_a_decoder_may_not_work_longer_than_it_may_be_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("models.audio.decoder_process._SPARE_CPU_SECONDS", 0)
    limits = DecoderLimits(seconds=2.0, spare_work=60.0)
    with (  # noqa: PT012 - it goes on working when it has sent something
        decoding_by(GREEDY),
        pytest.raises(AudioError, match=r"takes more than 2\.0 seconds of work"),
        decoding(io.BytesIO(b"working"), RATE, limits) as chunks,
    ):
        next(chunks)
        (child,) = running_decoders(GREEDY)
        before = child.cpu_times().user
        wait_until(lambda: child.cpu_times().user > before + 2.0)
        next(chunks)


def test_a_message_that_comes_a_byte_at_a_time_is_not_waited_for() -> None:
    with decoding_by(GREEDY), pytest.raises(AudioError, match="longer than 1 seconds"):
        decode(io.BytesIO(b"bytes"), RATE, limits=DecoderLimits(seconds=1.0))


def test_a_decoder_that_reads_again_and_again_is_ended() -> None:
    limits = DecoderLimits(source_seconds=0.5)
    with decoding_by(GREEDY), pytest.raises(DecoderCrashedError, match=r"reading the file .* longer than 0\.5 seconds"):
        decode(SlowFile(b"reads"), RATE, limits=limits)


@pytest.mark.usefixtures("none_idle")
def test_a_file_that_takes_more_work_than_its_length_explains_is_refused() -> None:
    content = encode(stereo(30.0, 44_100), "flac")
    with pytest.raises(AudioError, match=r"takes more than 0\.0 seconds of work"):
        decode(io.BytesIO(content), 48_000, limits=DecoderLimits(spare_work=0.0, work_per_second=1e-5))
    assert running_decoders() == []
    enough = DecoderLimits(spare_work=5.0, work_per_second=1.0)
    assert decode(io.BytesIO(content), 48_000, limits=enough).size == 30 * 48_000


@pytest.mark.usefixtures("none_idle")
def test_a_decoder_that_works_without_sending_anything_is_refused_too() -> None:
    with decoding_by("tests.support.busy_decoder"):
        with pytest.raises(AudioError, match=r"takes more than 0\.2 seconds of work"):
            identify(io.BytesIO(b"x"), limits=DecoderLimits(spare_work=0.2))
        assert running_decoders("tests.support.busy_decoder") == []


def test_what_many_channels_need_counts_as_their_length() -> None:
    # one second of audio, and 64 times the values of a second of mono
    content = many_channels(64, 48_000)
    assert decode(io.BytesIO(content), 48_000, limits=DecoderLimits(spare_work=1.0, work_per_second=0.1)).size == 48_000


@pytest.mark.parametrize(("changes", "refused"), [(2, False), (300, True), (2_000, True)])
def test_a_file_changes_its_format_a_hundred_times_at_most(changes: int, refused: bool) -> None:
    content = changing_rates(changes, 4096)
    limits = DecoderLimits(spare_work=10.0)
    if not refused:
        decode(io.BytesIO(content), RATE, limits=limits)
        return
    with pytest.raises(AudioError, match="sample rate or channels change more than 100 times"):
        decode(io.BytesIO(content), RATE, limits=limits)


@pytest.mark.usefixtures("none_idle")
def test_a_caller_that_gives_up_ends_its_decoder() -> None:
    with decoding_by(STUCK), ThreadPoolExecutor(1) as pool:
        with Abandonment() as abandonment:
            decoded = pool.submit(abandonment.run, decode, sample("calm_acoustic_1"), RATE)
            wait_until(lambda: bool(running_decoders(STUCK)))
        with pytest.raises(AbandonedError):
            decoded.result()
        assert running_decoders(STUCK) == []
        with pytest.raises(AbandonedError):
            abandonment.run(decode, sample("calm_acoustic_1"), RATE)
        assert running_decoders(STUCK) == [], "none began"


@pytest.mark.usefixtures("none_idle")
def test_a_caller_that_gives_up_when_all_is_done_leaves_the_decoder_to_others() -> None:
    with Abandonment() as abandonment:
        abandonment.run(decode, sample("calm_acoustic_1"), RATE, max_seconds=1)
        before = the_decoder().pid
    decode(sample("calm_acoustic_1"), RATE, max_seconds=1)
    assert the_decoder().pid == before


@pytest.mark.usefixtures("none_idle")
def test_a_decoder_that_stops_in_the_middle_of_a_message_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("models.audio.decoder_process._STALLED_SECONDS", 1)
    content = sample("calm_acoustic_1").read_bytes()

    class Stopping(io.BytesIO):
        """Stops the decoder that has asked for something."""

        def read(self, size: int | None = -1, /) -> bytes:
            the_decoder().suspend()
            return super().read(size)

    with pytest.raises((AudioError, DecoderCrashedError)):
        decode(Stopping(content), RATE, limits=DecoderLimits(seconds=0.5))
    assert running_decoders() == []


def test_time_that_the_reader_takes_does_not_count() -> None:
    content = encode(stereo(8.0, 44_100), "wav")
    assert decode(SlowFile(content), RATE, limits=DecoderLimits(seconds=0.5)).size == 8 * RATE


def test_memory_is_bounded() -> None:
    # a FLAC that announces a picture of 400 MB before its audio, which FFmpeg would read into memory
    size = 400 * 2**20
    head = b"fLaC" + b"\x00\x00\x00\x22" + struct.pack(">HH", 4096, 4096) + bytes(6) + b"\x0a\xc4\x42\xf0" + bytes(20)
    picture = b"\x86" + (2**24 - 1).to_bytes(3, "big") + struct.pack(">I", 3) + struct.pack(">I", 9) + b"image/png"

    class Huge(io.RawIOBase):
        """Zeros behind a header, without memory of its own."""

        position = 0

        def seek(self, offset: int, whence: int = 0) -> int:
            self.position = {0: 0, 1: self.position, 2: size}[whence] + offset
            return self.position

        def read(self, count: int = -1) -> bytes:
            start = (head + picture)[self.position : self.position + count]
            self.position += count
            return start + bytes(count - len(start))

    with pytest.raises(AudioError, match="more than 8 MB of memory"):
        decode(Huge(), RATE, limits=DecoderLimits(memory=8 * 2**20))  # type: ignore[arg-type]  # as much of a file as is needed


def test_a_source_that_fails_is_no_fault_of_the_audio() -> None:
    class Gone(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:  # noqa: ARG002 - a file's
            raise ConnectionError("the store is away")

    with pytest.raises(ConnectionError, match="the store is away"):
        decode(Gone(b"x" * 1000), RATE)
    assert decode(sample("calm_acoustic_1"), RATE, max_seconds=1).size == RATE


def test_whoever_stops_early_leaves_no_decoder_at_work() -> None:
    windows: Any = decode_windows(sample("calm_acoustic_1"), 48_000, size=48_000, hop=48_000, most=2)
    next(windows)
    windows.close()
    assert decode(sample("calm_acoustic_1"), RATE, max_seconds=1).size == RATE


def test_decoders_end_with_their_parent() -> None:
    code = (
        "import sys, time; from models.audio.decoding import decode\n"
        f"decode({str(sample('calm_acoustic_1'))!r}, 16000, max_seconds=1)\n"
        "print('ready', flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == b"ready\n"
        (child,) = psutil.Process(parent.pid).children()
        parent.kill()
    wait_until(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE)


@pytest.mark.usefixtures("none_idle")
def test_a_decoder_writes_no_files_and_no_cores() -> None:
    decode(sample("calm_acoustic_1"), RATE, max_seconds=1)
    child = the_decoder()
    assert (child.rlimit(psutil.RLIMIT_FSIZE), child.rlimit(psutil.RLIMIT_CORE)) == ((0, 0), (0, 0))


def test_broken_files_end_in_samples_or_in_words() -> None:
    for piece in break_pieces(2 * len(WAYS) * len(FORMATS), seed=11):
        with suppress(AudioError):
            assert np.isfinite(decode(io.BytesIO(piece.content), RATE, max_seconds=60)).all(), piece.name


def many_channels(number: int, samples: int = 4800) -> bytes:
    """A WAVE file with the same tone in each channel."""
    tone = (chirp(samples / 48_000, 48_000) * 32_767).astype("<i2")
    form = struct.pack("<HHIIHH", 1, number, 48_000, 96_000 * number, 2 * number, 16)
    data = np.repeat(tone, number).tobytes()
    chunks = b"WAVEfmt " + struct.pack("<I", 16) + form + b"data" + struct.pack("<I", len(data)) + data
    return b"RIFF" + struct.pack("<I", len(chunks)) + chunks


@pytest.mark.parametrize("number", [2, 6, 7, 8, 9, 18, 64])
def test_any_number_of_channels_is_averaged(number: int) -> None:
    # from eight on, PyAV reads beyond a frame's planes and crashes
    waveform = decode(io.BytesIO(many_channels(number)), 48_000)
    assert np.abs(waveform - chirp(0.1, 48_000)).max() < 1e-4


def test_too_many_channels_are_refused() -> None:
    with pytest.raises(AudioError, match="65 channels"):
        decode(io.BytesIO(many_channels(65, 10)), RATE)
