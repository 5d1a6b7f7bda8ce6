"""What is thrown at the system: real music in many encodings, and files that are broken in many ways."""

from __future__ import annotations

import io
import struct
import zipfile
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from app.measure.sample import recordings_dir
from app.measure.sample.encoding import CONTAINERS, encode
from models.audio.decoding import decode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

_SHORTEST, _LONGEST = 4.0, 9.0
"""Seconds of a piece of a recording: long enough for several windows, short enough for hundreds of tracks."""

_DAY_SECONDS = 24 * 3600


@dataclass(frozen=True)
class Piece:
    """A file to upload.

    Attributes:
        name: What was done to it.
        content: The file.
        file_type: What it is, or pretends to be.
    """

    name: str
    content: bytes
    file_type: str


def cut_pieces(number: int, seed: int) -> Iterator[Piece]:
    """Real tracks, all different: pieces of the sample's recordings, each encoded in turn in another format.

    Args:
        number: How many.
        seed: The same one gives the same files.

    Raises:
        UserError: The sample library is not installed.
    """
    chance = np.random.default_rng(seed)
    recordings, types = sorted(recordings_dir().rglob("*.opus")), list(CONTAINERS)
    for count in range(number):
        recording, file_type = recordings[count % len(recordings)], types[count % len(types)]
        rate = CONTAINERS[file_type][2]
        waveform = _decode_stereo(recording, rate)
        length = round(chance.uniform(_SHORTEST, _LONGEST) * rate)
        start = int(chance.integers(0, waveform.size - length))
        yield Piece(
            f"{recording.stem} from {start / rate:.1f} s",
            encode(np.stack([waveform[start : start + length]] * 2), file_type),
            file_type,
        )


def break_pieces(number: int, seed: int) -> Iterator[Piece]:
    """Broken files: each way of breaking one in turn, in each format in turn.

    Args:
        number: How many.
        seed: The same one gives the same files.

    Raises:
        UserError: The sample library is not installed.
    """
    chance = np.random.default_rng(seed)
    whole = {piece.file_type: piece for piece in cut_pieces(len(CONTAINERS), seed)}
    types, ways = list(CONTAINERS), list(WAYS)
    for count in range(number):
        way = ways[count % len(ways)]
        file_type = types[count // len(ways) % len(types)]
        yield Piece(f"{file_type}, {way}", WAYS[way](whole[file_type].content, chance), file_type)


@cache
def _decode_stereo(path: Path, rate: int) -> NDArray[np.float32]:
    with path.open("rb") as file:
        return decode(file, rate)


# --- ways of breaking a file


def _truncate(content: bytes, chance: np.random.Generator) -> bytes:
    return content[: int(chance.integers(1, len(content)))]


def _flip(content: bytes, chance: np.random.Generator, share: float = 0.001) -> bytes:
    damaged = bytearray(content)
    for position in chance.integers(0, len(content), max(1, round(share * len(content)))):
        damaged[position] ^= 1 << int(chance.integers(8))
    return bytes(damaged)


def _flip_header(content: bytes, chance: np.random.Generator) -> bytes:
    return _flip(content[:256], chance, 0.05) + content[256:]


def _cut_out(content: bytes, chance: np.random.Generator) -> bytes:
    start, end = sorted(int(place) for place in chance.integers(0, len(content), 2))
    return content[:start] + content[end:]


def _swap_blocks(content: bytes, chance: np.random.Generator) -> bytes:
    blocks = [content[start : start + 1024] for start in range(0, len(content), 1024)]
    first, second = chance.integers(0, len(blocks), 2)
    blocks[first], blocks[second] = blocks[second], blocks[first]
    return b"".join(blocks)


def _zip(content: bytes, chance: np.random.Generator) -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr(f"{chance.integers(1 << 30)}.txt", content[:4096])
    return archive.getvalue()


def _wav(  # noqa: PLR0913 - the fields of a header
    samples: bytes, *, code: int, bits: int, rate: int, channels: int, stated: int | None = None
) -> bytes:
    """A RIFF WAVE file, its length as stated or true."""
    frame = channels * bits // 8
    form = struct.pack("<HHIIHH", code, channels, rate, rate * frame & 0xFFFFFFFF, frame & 0xFFFF, bits)
    size = len(samples) if stated is None else stated
    chunks = b"fmt " + struct.pack("<I", len(form)) + form + b"data" + struct.pack("<I", size & 0xFFFFFFFF) + samples
    return b"RIFF" + struct.pack("<I", (4 + len(chunks) - len(samples) + size) & 0xFFFFFFFF) + b"WAVE" + chunks


def _day_long(_: bytes, chance: np.random.Generator) -> bytes:
    samples = chance.integers(-9999, 9999, 48_000, np.int16).tobytes()
    return _wav(samples, code=1, bits=16, rate=8000, channels=1, stated=_DAY_SECONDS * 16_000)


def _not_numbers(_: bytes, chance: np.random.Generator) -> bytes:
    samples = chance.normal(0, 0.2, 48_000).astype("<f4")
    samples[chance.integers(0, samples.size, 20)] = [np.nan, np.inf][int(chance.integers(2))]
    return _wav(samples.tobytes(), code=3, bits=32, rate=16_000, channels=1)


def _no_samples(content: bytes, chance: np.random.Generator) -> bytes:  # noqa: ARG001 - a way of breaking
    return _wav(b"", code=1, bits=16, rate=44_100, channels=2)


def _absurd_header(_: bytes, chance: np.random.Generator) -> bytes:
    samples = chance.integers(-9999, 9999, 20_000, np.int16).tobytes()
    rate, channels = [(1, 1), (4_000_000_000, 2), (44_100, 65_535), (0, 1), (44_100, 0)][int(chance.integers(5))]
    return _wav(samples, code=1, bits=16, rate=rate, channels=channels)


def _noise(content: bytes, chance: np.random.Generator) -> bytes:
    return chance.bytes(len(content))


def _playlist(content: bytes, chance: np.random.Generator) -> bytes:  # noqa: ARG001 - a way of breaking
    return b"#EXTM3U\n#EXTINF:10,\nfile:///etc/passwd\nhttp://127.0.0.1:1/secret.mp3\n"


def _empty(content: bytes, chance: np.random.Generator) -> bytes:  # noqa: ARG001 - a way of breaking
    return b""


def _twice(content: bytes, chance: np.random.Generator) -> bytes:
    return content + _truncate(content, chance)


WAYS: dict[str, Callable[[bytes, np.random.Generator], bytes]] = {
    "truncated": _truncate,
    "bits flipped": _flip,
    "bits of the header flipped": _flip_header,
    "a part cut out": _cut_out,
    "blocks exchanged": _swap_blocks,
    "a zip with another name": _zip,
    "empty": _empty,
    "no samples": _no_samples,
    "24 hours by its header": _day_long,
    "samples that are no numbers": _not_numbers,
    "an absurd header": _absurd_header,
    "noise": _noise,
    "a playlist of other files": _playlist,
    "a second file behind it": _twice,
}
"""Ways of breaking a file, by what is done."""
