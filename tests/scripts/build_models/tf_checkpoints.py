"""Write small TensorFlow checkpoints, to be read back by `scripts.build_models.tf_checkpoint`."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from scripts.build_models.tf_checkpoint import masked_crc32c

if TYPE_CHECKING:
    from collections.abc import Mapping

    from scripts.build_models.tf_checkpoint import Tensor


def varint(value: int) -> bytes:
    """Base-128, low groups first."""
    groups = bytearray()
    while value >= 0x80:
        groups.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*groups, value])


def write_checkpoint(tensors: Mapping[str, Tensor]) -> tuple[bytes, bytes]:
    """Return the `.index` and `.data` files of a checkpoint, with keys compressed by their shared prefixes."""
    data = b""
    rows: list[tuple[bytes, bytes]] = [(b"", b"\x08\x01\x1a\x02\x08\x01")]
    for name, tensor in sorted(tensors.items()):
        raw = tensor.astype("<f4").tobytes()
        dimensions = b"".join(b"\x12" + varint(len(d)) + d for d in (b"\x08" + varint(n) for n in tensor.shape))
        entry = b"\x08\x01\x12" + varint(len(dimensions)) + dimensions
        entry += b"\x20" + varint(len(data)) + b"\x28" + varint(len(raw))
        entry += b"\x35" + struct.pack("<I", masked_crc32c(raw))
        rows.append((name.encode(), entry))
        data += raw
    index, handle = _stored(b"", _block(rows))
    empty, empty_handle = _stored(index, _block([]))
    directory, directory_handle = _stored(index + empty, _block([(b"~", handle)]))
    footer = (empty_handle + directory_handle).ljust(40, b"\0") + struct.pack("<Q", 0xDB4775248B80FB57)
    return index + empty + directory + footer, data


def _block(rows: list[tuple[bytes, bytes]]) -> bytes:
    """Rows with shared key prefixes, one restart point."""
    block, previous = b"", b""
    for key, value in rows:
        shared = next(
            (i for i, (a, b) in enumerate(zip(previous, key, strict=False)) if a != b), min(len(previous), len(key))
        )
        block += varint(shared) + varint(len(key) - shared) + varint(len(value)) + key[shared:] + value
        previous = key
    return block + struct.pack("<II", 0, 1)


def _stored(before: bytes, block: bytes) -> tuple[bytes, bytes]:
    """A block with its trailer, and the handle that points to it."""
    return block + b"\0" + struct.pack("<I", masked_crc32c(block + b"\0")), varint(len(before)) + varint(len(block))
