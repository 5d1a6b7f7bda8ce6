"""Small files that ask for much: each is decoded within a little work and memory, or refused with a reason."""

from __future__ import annotations

import io
import struct
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import pytest

from models.audio.decoding import AudioError, DecoderLimits, decode, identify
from tests.support import costly_audio as costly
from tests.support.recordings import chirp, encode, write

if TYPE_CHECKING:
    from collections.abc import Callable

RATE = 16_000
FEW = DecoderLimits(memory=64 * 2**20, spare_work=2.0, work_per_second=0.01)
"""The decoder itself counts its work in time of a processor: what else the machine does makes no difference."""


@cache
def second() -> bytes:
    """An MP3 of a second."""
    return encode(chirp(1.0, 44_100)[None], "mp3")


def short_flac(*blocks: tuple[int, bytes]) -> bytes:
    """A FLAC file of a second, with metadata."""
    return costly.flac((costly.flac_frame(at, 4_410, 44_100) for at in range(10)), 44_100, blocks)


@cache
def huge_picture() -> bytes:
    """A PNG of 10,000 by 10,000: 300 MB when it is decoded."""
    return costly.png(10_000, 10_000)


def xing() -> bytes:
    """An MP3 whose Xing header states 2**32 - 1 frames and bytes."""
    frame = b"\xff\xfb\x90\x64" + bytes(32) + b"Xing" + struct.pack(">III", 3, 2**32 - 1, 2**32 - 1)
    return frame.ljust(417, b"\0") + second()


def cover() -> bytes:
    """The box of an MP4 file that holds a huge picture."""
    data = costly.box(b"data", struct.pack(">II", 14, 0), huge_picture())
    handler = costly.box(b"hdlr", bytes(8) + b"mdirappl" + bytes(9))
    items = costly.box(b"ilst", costly.box(b"covr", data))
    return costly.box(b"udta", costly.box(b"meta", bytes(4), handler, items))


DECODED: dict[str, tuple[Callable[[], bytes], float]] = {
    "a day of silence in 20 kB": (lambda: costly.long_silence(24), 60.0),
    "an hour of silence in ALAC": (lambda: write(np.zeros((1, 3600 * 8000), np.float32), "mp4", "alac", 8000), 60.0),
    "a cover of 10,000 squared in FLAC": (
        lambda: short_flac((6, costly.picture(10_000, 10_000, huge_picture()))), 1.0
    ),
    "a cover of 10,000 squared in MP3": (
        lambda: costly.id3(costly.id3_frame(b"APIC", b"\0image/png\0\3\0" + huge_picture())) + second(), 1.0
    ),
    "a cover of 10,000 squared in MP4": (lambda: costly.mp4(extra=cover()), 1.0),
    "a Xing header of 4 billion frames": (xing, 1.0),
    "10,000 chapters": (
        lambda: costly.id3(
            b"".join(
                costly.id3_frame(b"CHAP", b"c%d\0" % at + struct.pack(">4I", at, at + 1, 0, 0)) for at in range(10_000)
            )
        ) + second(),
        1.0,
    ),
    "a tag that is there 100,000 times": (
        lambda: costly.id3(costly.id3_frame(b"TXXX", b"\0k\0v") * 100_000) + second(), 1.0
    ),
    "a WAVE file of 4 GB by its header": (lambda: costly.wav(bytes(16_000), 2**32 - 1), 1.0),
    "a WAVE file of a day by its header": (lambda: costly.wav(bytes(16_000), 86_400 * 16_000), 1.0),
    "blocks of 65,535 bytes": (lambda: costly.wav(bytes(160_000), 160_000, block=65_535), 10.0),
    "ADPCM in blocks of 65,535 bytes": (lambda: costly.wav(bytes(160_000), 160_000, block=65_535, codec=2), 10.0),
    "3,000 chained streams": (
        lambda: write(np.zeros((1, 960), np.float32), "ogg", "libopus", 48_000) * 3_000, 10.0
    ),
    "200 tracks": (lambda: costly.mp4(tracks=200), 1.0),
    "an edit list of 2,000 entries": (lambda: costly.mp4(edits=2_000), 0.1),
}  # fmt: skip
"""Files whose sound is heard: what they are, and how many seconds there are at least."""

REFUSED: dict[str, tuple[Callable[[], bytes], str]] = {
    "100,000 different tags in ID3": (
        lambda: costly.id3(b"".join(costly.id3_frame(b"TXXX", b"\0k%d\0v" % at) for at in range(100_000))) + second(),
        "seconds of work",
    ),
    "400,000 comments": (lambda: short_flac((4, costly.comments(400_000))), "seconds of work"),
    "1,000 pictures": (
        lambda: short_flac(*[(6, costly.picture(10, 10, costly.png(500, 500)))] * 1_000),
        "MB of memory",
    ),
    "10,000 tracks": (lambda: costly.mp4(tracks=10_000), "MB of memory"),
    "4 billion samples of an MP4": (lambda: costly.mp4(samples=2**31 - 1), "breaks off after 1.0"),
    "boxes in boxes": (lambda: costly.mp4(extra=_nested(20_000)), "breaks off before its index"),
}
"""Files that are refused, and why."""


def _nested(depth: int) -> bytes:
    box = b""
    for _ in range(depth):
        box = costly.box(b"udta", box)
    return box


@pytest.mark.parametrize("name", DECODED)
def test_a_file_that_claims_much_is_heard_at_little_cost(name: str) -> None:
    make, seconds = DECODED[name]
    content = make()
    identify(io.BytesIO(content), limits=FEW)
    assert decode(io.BytesIO(content), RATE, max_seconds=60, limits=FEW).size >= seconds * RATE * 0.99


@pytest.mark.parametrize("name", REFUSED)
def test_a_file_that_asks_for_too_much_is_refused_with_the_reason(name: str) -> None:
    make, reason = REFUSED[name]
    with pytest.raises(AudioError, match=reason):
        decode(io.BytesIO(make()), RATE, max_seconds=60, limits=FEW)


@pytest.mark.parametrize("rate", [1_000, RATE, 48_000])
def test_a_frame_of_a_minute_is_sent_in_parts(rate: int) -> None:
    content = costly.flac([costly.flac_frame(at, 65_535, 1_000) for at in range(3)], 1_000)
    assert decode(io.BytesIO(content), rate).size == pytest.approx(3 * 65.535 * rate, rel=0.01)
