"""Sessions of ONNX Runtime, opened alike for every model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import onnxruntime  # type: ignore[import-untyped]  # ships no annotations
from onnxruntime.capi import onnxruntime_pybind11_state as state  # type: ignore[import-untyped]  # likewise

if TYPE_CHECKING:
    from pathlib import Path

    from models.runtime.run_options import Device

CUDA = "CUDAExecutionProvider"
CPU = "CPUExecutionProvider"

UNREADABLE = (state.Fail, state.InvalidArgument, state.InvalidGraph, state.InvalidProtobuf, state.NotImplemented)
"""What ONNX Runtime raises for a file that is no ONNX, or not one that it can run; they have no common base."""


class DeviceError(RuntimeError):
    """The wanted device is not there; the message says what to do."""


def open_session(path: Path, *, threads: int = 1, device: Device = "auto", spin_microseconds: int = 0) -> Any:  # noqa: ANN401 - as its import
    """Open an ONNX file.

    Args:
        path: The file.
        threads: Processor threads for one forward pass.
        device: Where it runs.
        spin_microseconds: How long its threads look out for more work before they sleep. Waking them up takes a
            twelfth of a long pass; but after a short one, they would take the processor from what comes next.

    Returns:
        An `onnxruntime.InferenceSession`, which several threads may use at once.

    Raises:
        DeviceError: CUDA is asked for, and ONNX Runtime does not offer it, or finds no device.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.use_deterministic_compute = True
    # without it, x86 processors that lack VNNI add pairs of u8 x s8 products in 16 bits, which overflow
    options.add_session_config_entry("session.x64quantprecision", "1")
    options.add_session_config_entry("session.intra_op.allow_spinning", str(int(spin_microseconds > 0)))
    if spin_microseconds:
        options.add_session_config_entry("session.intra_op.spin_duration_us", str(spin_microseconds))
    session = onnxruntime.InferenceSession(str(path), sess_options=options, providers=choose_providers(device))
    # ONNX Runtime says so in its log, and goes on with the processor
    if device == "cuda" and CUDA not in session.get_providers():
        raise DeviceError("MODEL_DEVICE is cuda, and ONNX Runtime found no usable device: see nvidia-smi and its log")
    return session


def choose_providers(device: Device) -> list[str | tuple[str, dict[str, str]]]:
    """The execution providers for a device, the preferred one first.

    Raises:
        DeviceError: CUDA is asked for, and ONNX Runtime does not offer it.
    """
    offered = CUDA in onnxruntime.get_available_providers()
    if device == "cuda" and not offered:
        raise DeviceError("MODEL_DEVICE is cuda, and this ONNX Runtime has no CUDA: pip install onnxruntime-gpu")
    if device == "cpu" or not offered:
        return [CPU]
    # TensorFloat-32 keeps 10 bits of a product, and the search for a fast convolution may end differently each time
    return [(CUDA, {"use_tf32": "0", "cudnn_conv_algo_search": "DEFAULT"}), CPU]
