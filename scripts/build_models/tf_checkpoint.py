"""Read tensors from a TensorFlow checkpoint of the V2 format, without TensorFlow.

Such a checkpoint is a pair of files. `<prefix>.index` is a table in LevelDB's format: tensor names to small
protobufs (`BundleEntryProto`) that say data type, shape, offset and size. `<prefix>.data-00000-of-00001` holds
the raw little-endian values. The formats are described by LevelDB's `doc/table_format.md` and TensorFlow's
`tensor_bundle.proto`. Both files carry CRC-32C checksums, which are checked for everything that is read.
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Tensor: TypeAlias = NDArray[np.float32]

_FOOTER_BYTES = 48
_TABLE_MAGIC = 0xDB4775248B80FB57
_BLOCK_TRAILER_BYTES = 5
_DT_FLOAT = 1  # tensorflow/core/framework/types.proto
_VARINT, _FIXED64, _LENGTH_DELIMITED, _FIXED32 = 0, 1, 2, 5  # protobuf wire types


class CheckpointError(ValueError):
    """The bytes are not a checkpoint that this reader understands, or are damaged."""


@dataclass(frozen=True, slots=True)
class TensorEntry:
    """Where a tensor lies in the data file.

    Attributes:
        dtype: TensorFlow's number of the data type; 1 is float32.
        shape: Dimensions, outermost first.
        offset: First byte in the data file.
        size: Length in bytes.
        masked_crc: Masked CRC-32C of those bytes.
    """

    dtype: int
    shape: tuple[int, ...]
    offset: int
    size: int
    masked_crc: int


def read_index(index: bytes) -> dict[str, TensorEntry]:
    """Parse the `.index` file.

    Args:
        index: The file's bytes.

    Returns:
        Tensor names in file order (sorted) to their entries; the header entry is left out.

    Raises:
        CheckpointError: Not a table, a checksum differs, or a block is compressed.
    """
    if len(index) < _FOOTER_BYTES or struct.unpack("<Q", index[-8:])[0] != _TABLE_MAGIC:
        raise CheckpointError("the index does not end with LevelDB's magic number")
    footer = index[-_FOOTER_BYTES:]
    _, position = _handle(footer, 0)
    directory, _ = _handle(footer, position)
    entries: dict[str, TensorEntry] = {}
    for _, pointer in _block_entries(index, directory):
        block, _ = _handle(pointer, 0)
        for key, value in _block_entries(index, block):
            if key:
                entries[key.decode()] = _tensor_entry(value)
    return entries


def read_tensors(data: bytes, entries: Mapping[str, TensorEntry]) -> dict[str, Tensor]:
    """Take tensors out of the data file.

    Args:
        data: The bytes of `<prefix>.data-00000-of-00001`.
        entries: Which tensors, by name.

    Returns:
        float32 arrays by name, in the shapes that the entries state.

    Raises:
        CheckpointError: A tensor is not float32, lies outside the file, or its checksum differs.
    """
    tensors: dict[str, Tensor] = {}
    for name, entry in entries.items():
        raw = data[entry.offset : entry.offset + entry.size]
        if entry.dtype != _DT_FLOAT or entry.size != 4 * math.prod(entry.shape) or len(raw) != entry.size:
            raise CheckpointError(f"tensor {name} is not a whole float32 tensor of shape {entry.shape}")
        if masked_crc32c(raw) != entry.masked_crc:
            raise CheckpointError(f"tensor {name} is damaged: its checksum differs")
        tensors[name] = np.frombuffer(raw, "<f4").reshape(entry.shape).astype(np.float32)
    return tensors


def masked_crc32c(data: bytes) -> int:
    """CRC-32C (Castagnoli, reflected polynomial 0x82F63B78), masked as LevelDB stores it.

    LevelDB rotates the checksum right by 15 bits and adds 0xA282EAD8, so that the checksum of data which
    itself contains checksums stays useful (its `util/crc32c.h`).
    """
    crc = 0xFFFFFFFF
    table = _CRC_TABLE
    for byte in data:
        crc = table[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    crc ^= 0xFFFFFFFF
    return (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF


def _crc_table() -> tuple[int, ...]:
    """CRC-32C of every single byte."""
    table = []
    for byte in range(256):
        crc = byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 if crc & 1 else 0)
        table.append(crc)
    return tuple(table)


_CRC_TABLE = _crc_table()


def _varint(data: bytes, position: int) -> tuple[int, int]:
    """Decode a base-128 varint; return it and the position after it."""
    value = shift = 0
    while True:
        if position >= len(data):
            raise CheckpointError("a number runs past the end of its block")
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
        shift += 7


def _handle(data: bytes, position: int) -> tuple[tuple[int, int], int]:
    """Decode a block handle: offset and size in the file."""
    offset, position = _varint(data, position)
    size, position = _varint(data, position)
    return (offset, size), position


def _block_entries(index: bytes, handle: tuple[int, int]) -> Iterator[tuple[bytes, bytes]]:
    """Yield a block's keys and values; each key shares a prefix with the one before it."""
    offset, size = handle
    stored = index[offset : offset + size + _BLOCK_TRAILER_BYTES]
    if len(stored) != size + _BLOCK_TRAILER_BYTES:
        raise CheckpointError("a block lies outside the index")
    if struct.unpack("<I", stored[-4:])[0] != masked_crc32c(stored[:-4]):
        raise CheckpointError("the index is damaged: a block's checksum differs")
    if stored[size] != 0:
        raise CheckpointError("the index is compressed, which this reader does not handle")
    block = stored[:size]
    restarts = struct.unpack("<I", block[-4:])[0]
    end = size - 4 - 4 * restarts
    position, key = 0, b""
    while position < end:
        shared, position = _varint(block, position)
        unshared, position = _varint(block, position)
        length, position = _varint(block, position)
        key = key[:shared] + block[position : position + unshared]
        position += unshared
        yield key, block[position : position + length]
        position += length


def _fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Yield the field numbers and raw values of one protobuf message."""
    position = 0
    while position < len(message):
        tag, position = _varint(message, position)
        number, wire = tag >> 3, tag & 7
        value: int | bytes
        if wire == _VARINT:
            value, position = _varint(message, position)
        elif wire == _LENGTH_DELIMITED:
            length, position = _varint(message, position)
            value = message[position : position + length]
            position += length
        elif wire in (_FIXED32, _FIXED64):
            width = 4 if wire == _FIXED32 else 8
            value = int.from_bytes(message[position : position + width], "little")
            position += width
        else:
            raise CheckpointError(f"a protobuf field has the unknown wire type {wire}")
        yield number, value


def _tensor_entry(message: bytes) -> TensorEntry:
    """Decode a BundleEntryProto: dtype 1, shape 2, shard 3, offset 4, size 5, crc32c 6."""
    numbers = {1: 0, 3: 0, 4: 0, 5: 0, 6: 0}
    shape: tuple[int, ...] = ()
    for number, value in _fields(message):
        if number == 2 and isinstance(value, bytes):
            shape = tuple(_dimension(size) for _, size in _fields(value))
        elif number in numbers and isinstance(value, int):
            numbers[number] = value
    if numbers[3] != 0:
        raise CheckpointError("the checkpoint has more than one data file, which this reader does not handle")
    return TensorEntry(numbers[1], shape, offset=numbers[4], size=numbers[5], masked_crc=numbers[6])


def _dimension(message: int | bytes) -> int:
    """Decode a TensorShapeProto.Dim, whose field 1 is the size."""
    if not isinstance(message, bytes):
        raise CheckpointError("a tensor's shape is not understood")
    return next((size for number, size in _fields(message) if number == 1 and isinstance(size, int)), 0)
