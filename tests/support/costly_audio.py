"""Small files that cost much to decode, made byte by byte."""

from __future__ import annotations

import struct
import zlib
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
        number: Of the frame, below 55,296.
        samples: At most 65,536.
        rate: Hz, at most 65,535.
    """
    # sizes and rates stand in 16 bits behind the number; one channel of 16 bits
    header = b"\xff\xf8\x7d\x08" + chr(number).encode() + struct.pack(">HH", samples - 1, rate)
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


def long_silence(hours: float) -> bytes:
    """A FLAC file of silence at 1 kHz: 15 bytes a minute."""
    return flac((flac_frame(at, 65_535, 1_000) for at in range(round(hours * 3600 / 65.535))), 1_000)


def picture(width: int, height: int, content: bytes) -> bytes:
    """The content of a FLAC block that holds a picture of type PNG."""
    kind = b"image/png"
    return struct.pack(">II", 3, len(kind)) + kind + struct.pack(">6I", 0, width, height, 24, 0, len(content)) + content


def png(width: int, height: int) -> bytes:
    """A PNG of zeros, which takes a thousandth of its size."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    packer = zlib.compressobj(9)
    row = bytes(1 + 3 * width)
    rows = b"".join([*(packer.compress(row) for _ in range(height)), packer.flush()])
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def comments(number: int) -> bytes:
    """The content of a FLAC block with so many comments."""
    each = b"".join(struct.pack("<I", len(text)) + text for text in (b"K%d=v" % at for at in range(number)))
    return struct.pack("<I", 0) + struct.pack("<I", number) + each


def id3(frames: bytes) -> bytes:
    """An ID3v2.3 tag."""
    size = len(frames)
    return b"ID3\x03\0\0" + bytes(size >> shift & 127 for shift in (21, 14, 7, 0)) + frames


def id3_frame(kind: bytes, content: bytes) -> bytes:
    """A frame of an ID3v2.3 tag."""
    return kind + struct.pack(">IH", len(content), 0) + content


def wav(data: bytes, stated: int, *, channels: int = 1, rate: int = 8_000, block: int = 2, codec: int = 1) -> bytes:
    """A WAVE file whose header states a size of its own.

    Args:
        data: Of the samples.
        stated: Their size by the header.
        channels: By the header.
        rate: By the header, in Hz.
        block: Bytes of a block by the header.
        codec: Its WAVE_FORMAT number.
    """
    form = struct.pack("<HHIIHH", codec, channels, rate, rate * 2, block, 16)
    sizes = struct.pack("<I", min(stated + 36, 2**32 - 1)), struct.pack("<I", stated)
    return b"RIFF" + sizes[0] + b"WAVEfmt " + struct.pack("<I", 16) + form + b"data" + sizes[1] + data


def box(kind: bytes, *contents: bytes) -> bytes:
    """A box of an MP4 file."""
    content = b"".join(contents)
    return struct.pack(">I", 8 + len(content)) + kind + content


def mp4(*, tracks: int = 1, samples: int = 8_000, edits: int = 0, extra: bytes = b"") -> bytes:
    """An MP4 file of 16-bit samples at 8 kHz, with a second of data.

    Args:
        tracks: How many, all of the same data.
        samples: Of a track by its header.
        edits: Entries of each track's edit list, of a sample each.
        extra: Boxes for its `moov`.
    """
    head = box(b"ftyp", b"M4A \0\0\0\0M4A ")
    entry = bytes(6) + struct.pack(">H", 1) + bytes(8) + struct.pack(">HHIHH", 1, 16, 0, 8_000, 0)
    tables = box(
        b"stbl",
        box(b"stsd", struct.pack(">II", 0, 1), box(b"sowt", entry)),
        box(b"stts", struct.pack(">IIII", 0, 1, samples, 1)),
        box(b"stsc", struct.pack(">IIIII", 0, 1, 1, samples, 1)),
        box(b"stsz", struct.pack(">III", 0, 2, samples)),
        box(b"stco", struct.pack(">III", 0, 1, len(head) + 8)),
    )
    info = box(b"minf", box(b"smhd", bytes(8)), tables)
    media = box(
        b"mdia",
        box(b"mdhd", struct.pack(">IIIIIHH", 0, 0, 0, 8_000, samples, 0, 0)),
        box(b"hdlr", bytes(8) + b"soun" + bytes(13)),
        info,
    )
    listed = b"".join(struct.pack(">IiI", 1, at % samples, 1 << 16) for at in range(edits))
    edit = box(b"edts", box(b"elst", struct.pack(">II", 0, edits), listed)) if edits else b""
    track = box(b"trak", box(b"tkhd", struct.pack(">IIII", 7, 0, 0, 1) + bytes(68)), edit, media)
    movie = box(
        b"moov", box(b"mvhd", struct.pack(">IIIII", 0, 0, 0, 8_000, samples) + bytes(80)), track * tracks, extra
    )
    return head + box(b"mdat", bytes(16_000)) + movie
