"""What products in int8 are on every processor: the exact ones.

Numbers are chosen so that every step but the product is exact in float32: scales are powers of two, and sums stay below
2**24. So what ONNX Runtime gives is compared with whole numbers bit for bit, whatever instructions the processor has.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic  # type: ignore[import-untyped]  # no annotations

from models.clap.export.quantisation import BLOCK, write_blocks, write_columns
from models.runtime.onnx_session import open_session

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

Write: TypeAlias = "Callable[[Path, Path], object]"
Floats = NDArray[np.float32]
Whole = NDArray[np.int64]

ROWS, COLUMNS = 96, 40
STEP = np.float32(2**-4)
"""Of what goes through; weights are multiples of it too."""


def saved_product(path: Path, weights: Floats) -> Path:
    """An ONNX file that multiplies by a matrix."""
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["given", "weights"], ["product"])],
        "product",
        [helper.make_tensor_value_info("given", TensorProto.FLOAT, ["rows", weights.shape[0]])],
        [helper.make_tensor_value_info("product", TensorProto.FLOAT, ["rows", weights.shape[1]])],
        [numpy_helper.from_array(weights, "weights")],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), str(path))
    return path


def quantised(folder: Path, write: Write, weights: Floats) -> Path:
    """The same in int8."""
    write(saved_product(folder / "float32.onnx", weights), folder / "int8.onnx")
    return folder / "int8.onnx"


def scaled(numbers: Whole) -> Floats:
    """That many steps."""
    return numbers.astype(np.float32) * STEP


def constants(path: Path) -> dict[str, NDArray[Any]]:
    """What an ONNX file holds, by name."""
    return {value.name: numpy_helper.to_array(value) for value in onnx.load(str(path)).graph.initializer}


def run(path: Path, given: Floats) -> Floats:
    """What serves: the session that every model is opened with."""
    result: Floats = open_session(path, device="cpu").run(["product"], {"given": given})[0]
    return result


def extremes(lowest: int, highest: int, shape: tuple[int, int]) -> Whole:
    """Whole numbers, the lowest and the highest side by side more often than not."""
    random = np.random.default_rng(17)
    numbers = random.integers(lowest, highest + 1, shape)
    numbers[random.random(shape) < 0.4] = highest
    numbers[random.random(shape) < 0.2] = lowest
    numbers[-1, ::2] = lowest
    numbers[0], numbers[:, 0] = highest, highest
    return numbers


def saturating(given: Whole, weights: Whole) -> Whole:
    """The product as `vpmaddubsw` makes it: sums of two neighbours are cut to 16 bits."""
    pairs = given.reshape(len(given), -1, 2, 1) * weights.reshape(1, -1, 2, weights.shape[1])
    total: Whole = np.clip(pairs.sum(axis=2), -(2**15), 2**15 - 1).sum(axis=1)
    return total


def signed_columns(source: Path, destination: Path) -> None:
    """The layout of exports up to now: what goes through unsigned, weights signed, in all 8 bits."""
    quantize_dynamic(
        str(source),
        str(destination),
        op_types_to_quantize=["MatMul"],
        per_channel=True,
        weight_type=QuantType.QInt8,
    )


@pytest.mark.parametrize("rows", [1, 2, 7])
@pytest.mark.parametrize("write", [write_columns, signed_columns])
def test_columns_are_multiplied_exactly(tmp_path: Path, write: Write, rows: int) -> None:
    weights = extremes(-127, 127, (ROWS, COLUMNS))
    path = quantised(tmp_path, write, scaled(weights))
    numbers = constants(path)
    stored = numbers["weights_quantized"].astype(np.int64)
    scales, zeros = (numbers[f"weights_{name}"] for name in ("scale", "zero_point"))
    # from 0 to 255 steps, so that each is its own number in 8 bits
    given = extremes(0, 255, (rows, ROWS))

    exact = given @ (stored - zeros.astype(np.int64))
    expected = exact.astype(np.float32) * (STEP * scales)
    assert np.abs(exact).max() < 2**24
    assert run(path, scaled(given)).tobytes() == expected.tobytes()
    # the numbers would show a processor that cuts its sums
    assert (saturating(given, weights) != given @ weights).any()


@pytest.mark.parametrize("rows", [1, 2, 7])
def test_columns_are_multiplied_exactly_when_numbers_are_of_both_signs(tmp_path: Path, rows: int) -> None:
    path = quantised(tmp_path, write_columns, scaled(extremes(-127, 127, (ROWS, COLUMNS))))
    numbers = constants(path)
    scales, zeros = (numbers[f"weights_{name}"] for name in ("scale", "zero_point"))
    given = extremes(-128, 127, (rows, ROWS))
    given[0, :2] = -128, 127

    exact = given @ (numbers["weights_quantized"].astype(np.int64) - zeros.astype(np.int64))
    assert run(path, scaled(given)).tobytes() == (exact.astype(np.float32) * (STEP * scales)).tobytes()


@pytest.mark.parametrize("rows", [1, 2, 3, 7])
def test_blocks_are_multiplied_exactly(tmp_path: Path, rows: int) -> None:
    weights = extremes(-128, 127, (ROWS, COLUMNS))
    # each block of either has a number of the largest magnitude, so that its scale is the step
    weights[::BLOCK] = -128
    given = extremes(-127, 127, (rows, ROWS))
    given[:, ::BLOCK] = 127
    path = quantised(tmp_path, write_blocks, scaled(weights))

    (node,) = onnx.load(str(path)).graph.node
    assert node.op_type == "MatMulNBits"
    stored = next(value for value in constants(path).values() if value.dtype == np.uint8)
    np.testing.assert_array_equal(stored.reshape(COLUMNS, ROWS).T.astype(np.int64) - 128, weights)
    exact = given @ weights
    assert np.abs(exact).max() < 2**24
    assert run(path, scaled(given)).tobytes() == (exact.astype(np.float32) * STEP * STEP).tobytes()


def test_no_number_can_be_too_large_for_what_processors_add_in() -> None:
    """The arithmetic that the layouts rest on."""
    assert 2 * 255 * 127 > 2**15 - 1, "unsigned times signed: a pair of products overflows 16 bits"
    assert 2 * 255 * 64 <= 2**15 - 1, "unless weights have 7 bits"
    assert 2 * 255 * 255 <= 2**31 - 1, "unsigned times unsigned: pairs are added in 32 bits"
    assert 255 * 127 <= 2**15 - 1, "blocks: one product of a pair in 16 bits"
