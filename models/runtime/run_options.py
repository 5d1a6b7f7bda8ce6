"""How a model runs on this machine: nothing here changes what its vectors mean."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from models.audio.decoder import DecoderLimits

Device: TypeAlias = Literal["auto", "cpu", "cuda"]
"""`auto` takes the CUDA provider of ONNX Runtime where it is installed and finds a device."""


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What an operator chooses.

    Attributes:
        threads: Processor threads for one forward pass, at least 1.
        batch_windows: Windows of audio that go through the network at once, at least 1; bounds the memory.
        text_idle_seconds: The text half is unloaded when nobody asked for so long; 0 keeps it.
        audio_idle_seconds: The same for the audio half.
        device: Where the networks run.
        decoder: What decoding one file may take.
    """

    threads: int = 1
    batch_windows: int = 4
    text_idle_seconds: float = 0.0
    audio_idle_seconds: float = 300.0
    device: Device = "auto"
    decoder: DecoderLimits = DecoderLimits()  # noqa: RUF009 - frozen

    def __post_init__(self) -> None:
        if self.threads < 1:
            raise ValueError(f"threads must be positive, not {self.threads}")
        if self.batch_windows < 1:
            raise ValueError(f"batch_windows must be positive, not {self.batch_windows}")
        if self.text_idle_seconds < 0 or self.audio_idle_seconds < 0:
            raise ValueError("idle seconds must not be negative")
