"""CLAP's text half in 8-bit whole numbers: three layouts, from the fastest to the truest.

Every processor computes their whole-number products without loss. Weights in a product are unsigned: x86 processors
that lack VNNI multiply unsigned by signed bytes with `vpmaddubsw`, which adds pairs of products in 16 bits, and
2 x 255 x 127 is more than 32,767. ONNX Runtime widens unsigned bytes first, or multiplies them into 32 bits.

Needs the extra `export`; nothing that serves imports this module.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import onnx
from onnxruntime.quantization import QuantType, quantize_dynamic  # type: ignore[import-untyped]  # no annotations

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

BLOCK = 32
"""Numbers that share a scale, of the smallest blocks that ONNX Runtime has fast code for."""


def write_columns(source: Path, destination: Path) -> None:
    """Each column of a matrix has a scale, and so has each text as a whole while it goes through a product.

    A sum of 33,025 products of two unsigned bytes fits into the 32 bits in which it is made; matrices have 3,072 rows.
    """
    write_words(source, destination)
    _write_dynamic(destination, destination, "MatMul", QuantType.QUInt8)


def write_blocks(source: Path, destination: Path) -> None:
    """Every `BLOCK` numbers have a scale, of the weights and of what goes through.

    One large number then spoils its neighbours alone, where in a product with a scale for everything it takes the
    precision of all the others (Dettmers et al., "LLM.int8()", 2022). What goes through is at most 127 in magnitude and
    the weights at most 255, and without VNNI ONNX Runtime leaves every second product out of a pair: 255 x 127 fits
    into 16 bits. The products take about twice as long.
    """
    write_words(source, destination)
    quantizer = _open_block_quantizer(onnx.load(str(destination)))
    quantizer.process()
    quantizer.model.save_model_to_file(str(destination), False)


def write_words(source: Path, destination: Path) -> None:
    """Only the table of words is in int8, which is a third of the weights: the products are as exact as in float32."""
    _write_dynamic(source, destination, "Gather", QuantType.QInt8)


LAYOUTS: Mapping[str, Callable[[Path, Path], None]] = {
    "every product in int8": write_columns,
    f"every product in int8, in blocks of {BLOCK}": write_blocks,
    "products in float32, words in int8": write_words,
}
"""What writes them, by their description; the first that is near enough to transformers is taken."""


def _write_dynamic(source: Path, destination: Path, operation: str, weights: QuantType) -> None:
    quantize_dynamic(
        str(source), str(destination), op_types_to_quantize=[operation], per_channel=True, weight_type=weights
    )


def _open_block_quantizer(model: onnx.ModelProto) -> Any:  # noqa: ANN401 - ONNX Runtime has no annotations
    # at its import, the module makes the whole process log to standard error unless something handles logs already
    root, nobody = logging.getLogger(), logging.NullHandler()
    root.addHandler(nobody)
    try:
        from onnxruntime.quantization import matmul_nbits_quantizer  # noqa: PLC0415 - with a handler in place
    finally:
        root.removeHandler(nobody)
    matmul_nbits_quantizer.logger.setLevel(logging.WARNING)
    # level 4: what goes through is made int8 too; the other levels undo the compression of the weights
    return matmul_nbits_quantizer.MatMulNBitsQuantizer(
        model, bits=8, block_size=BLOCK, is_symmetric=True, accuracy_level=4
    )
