"""Reading checkpoints, sound and damaged."""

from __future__ import annotations

import numpy as np
import pytest

from scripts.build_models.tf_checkpoint import CheckpointError, masked_crc32c, read_index, read_tensors
from tests.scripts.build_models.tf_checkpoints import write_checkpoint

TENSORS = {
    "dense/bias": np.arange(3, dtype=np.float32),
    "dense/kernel": np.linspace(-1, 1, 600, dtype=np.float32).reshape(200, 3),
    "dense_1/kernel": np.array([[1e30, -0.0]], np.float32),
}


def test_tensors_come_back_as_they_were() -> None:
    index, data = write_checkpoint(TENSORS)
    found = read_tensors(data, read_index(index))

    assert list(found) == sorted(TENSORS)
    for name, tensor in TENSORS.items():
        np.testing.assert_array_equal(found[name], tensor)
        assert found[name].dtype == np.float32


def test_the_checksum_is_crc32c() -> None:
    """The check value of CRC-32C over "123456789" is 0xE3069283 (RFC 3720 and every catalogue of checksums)."""
    rotated = (0xE3069283 >> 15 | 0xE3069283 << 17) & 0xFFFFFFFF
    assert masked_crc32c(b"123456789") == (rotated + 0xA282EAD8) & 0xFFFFFFFF


def test_a_flipped_bit_in_a_tensor_is_found() -> None:
    index, data = write_checkpoint(TENSORS)
    damaged = bytes([*data[:40], data[40] ^ 1, *data[41:]])

    with pytest.raises(CheckpointError, match="dense/kernel is damaged"):
        read_tensors(damaged, read_index(index))


@pytest.mark.parametrize("position", [0, 5, 60])
def test_a_flipped_bit_in_the_index_is_found(position: int) -> None:
    index, _ = write_checkpoint(TENSORS)
    damaged = bytes([*index[:position], index[position] ^ 4, *index[position + 1 :]])

    with pytest.raises(CheckpointError, match="checksum differs"):
        read_index(damaged)


@pytest.mark.parametrize("index", [b"", b"not a table" * 10])
def test_what_is_no_index_is_refused(index: bytes) -> None:
    with pytest.raises(CheckpointError, match="magic number"):
        read_index(index)


def test_a_short_data_file_is_refused() -> None:
    index, data = write_checkpoint(TENSORS)
    with pytest.raises(CheckpointError, match="dense_1/kernel is not a whole float32 tensor"):
        read_tensors(data[:-1], read_index(index))
