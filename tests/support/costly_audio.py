"""Small files that cost much to decode, made byte by byte."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def crc(data: bytes, width: int, polynomial: int) -> int:
    """A checksum as FLAC and Ogg have it: high bit first, beginning at zero."""
    top, mask, remainder = 1 << (width - 1), (1 << width) - 1, 0
    for byte in data:
        remainder ^= byte << (width - 8)
        for _ in range(8):
            remainder = ((remainder << 1) ^ (polynomial if remainder & top else 0)) & mask
    return remainder


def flac_frame(number: int, samples: int, rate: int) -> bytes:
    """A frame of mono silence in 16 bits.

    Args:
        number: Of the frame, below 2,048.
        samples: At most 65,536.
        rate: Hz, at most 65,535.
    """
    counted = bytes([number]) if number < 0x80 else bytes([0xC0 | number >> 6, 0x80 | number & 0x3F])
    # sizes and rates stand in 16 bits behind the number; one channel of 16 bits
    header = b"\xff\xf8\x7d\x08" + counted + struct.pack(">HH", samples - 1, rate)
    frame = header + bytes([crc(header, 8, 0x07)]) + bytes(3)
    return frame + struct.pack(">H", crc(frame, 16, 0x8005))


def flac(frames: Iterable[bytes], rate: int = 44_100, blocks: Iterable[tuple[int, bytes]] = ()) -> bytes:
    """A FLAC file of an unknown length.

    Args:
        frames: As `flac_frame` makes them.
        rate: What its header says, in Hz.
        blocks: Type and content of further blocks of metadata.
    """
    info = struct.pack(">HH", 16, 65_535) + bytes(6) + struct.pack(">Q", rate << 44 | 15 << 36) + bytes(16)
    metadata = [(0, info), *blocks]
    heads = b"".join(
        bytes([kind | (0x80 if at == len(metadata) - 1 else 0)]) + len(content).to_bytes(3, "big") + content
        for at, (kind, content) in enumerate(metadata)
    )
    return b"fLaC" + heads + b"".join(frames)


def changing_rates(changes: int, samples: int = 16) -> bytes:
    """A FLAC file whose sample rate changes with each frame."""
    return flac(flac_frame(at % 2048, samples, 44_100 + at % 97) for at in range(changes + 1))
