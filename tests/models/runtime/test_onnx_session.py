"""Where a network runs, and that it says so when it cannot."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnxruntime  # type: ignore[import-untyped]  # ships no annotations
import pytest

from models.runtime.onnx_session import CPU, CUDA, DeviceError, choose_providers, open_session
from models.runtime.run_options import RunOptions

if TYPE_CHECKING:
    from models.card import ModelCard
    from models.runtime.run_options import Device

OFFERED = CUDA in onnxruntime.get_available_providers()


def test_the_processor_is_taken_when_asked_for(tiny_card: ModelCard) -> None:
    session = open_session(tiny_card.locate("text.onnx"), device="cpu")
    assert session.get_providers() == [CPU]


@pytest.mark.skipif(OFFERED, reason="this ONNX Runtime has CUDA")
def test_without_cuda_auto_is_the_processor(tiny_card: ModelCard) -> None:
    assert choose_providers("auto") == [CPU]
    assert open_session(tiny_card.locate("text.onnx"), device="auto").get_providers() == [CPU]


@pytest.mark.skipif(OFFERED, reason="this ONNX Runtime has CUDA")
def test_cuda_that_is_not_there_is_refused(tiny_card: ModelCard) -> None:
    with pytest.raises(DeviceError, match=r"MODEL_DEVICE is cuda, and .* no CUDA: pip install onnxruntime-gpu"):
        open_session(tiny_card.locate("text.onnx"), device="cuda")


@pytest.mark.skipif(not OFFERED, reason="this ONNX Runtime has no CUDA")
def test_with_cuda_it_comes_first_and_in_full_precision() -> None:
    devices: tuple[Device, ...] = ("auto", "cuda")
    for device in devices:
        first, last = choose_providers(device)
        assert (first[0], last) == (CUDA, CPU)
        assert isinstance(first, tuple)
        assert first[1]["use_tf32"] == "0"


@pytest.mark.parametrize("threads", [1, 2])
def test_a_session_has_the_threads_that_it_was_given(tiny_card: ModelCard, threads: int) -> None:
    session = open_session(tiny_card.locate("text.onnx"), threads=threads, device="cpu")
    options = session.get_session_options()
    assert (options.intra_op_num_threads, options.inter_op_num_threads) == (threads, 1)
    assert options.use_deterministic_compute
    ids = np.ones((1, 5), np.int64)
    assert session.run(["embedding"], {"input_ids": ids, "attention_mask": ids})[0].shape == (1, 64)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"threads": 0}, "threads must be positive, not 0"),
        ({"batch_windows": 0}, "batch_windows must be positive, not 0"),
        ({"text_idle_seconds": -1.0}, "idle seconds must not be negative"),
        ({"audio_idle_seconds": -0.1}, "idle seconds must not be negative"),
    ],
)
def test_senseless_options_are_refused(options: dict[str, int], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        RunOptions(**options)  # type: ignore[arg-type]  # of either type
