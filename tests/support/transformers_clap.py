"""What transformers' own processor and model make of texts and sounds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from transformers import AutoTokenizer, ClapFeatureExtractor, ClapModel, ClapProcessor

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray


class TransformersClap:
    """A checkpoint, run the way that its model card tells everybody to.

    Args:
        checkpoint: Folder in the hub's format.
    """

    def __init__(self, checkpoint: Path) -> None:
        model: Any = ClapModel.from_pretrained(checkpoint, local_files_only=True)
        self.model: Any = model.eval()
        self.extractor: Any = ClapFeatureExtractor.from_pretrained(checkpoint, local_files_only=True)
        tokenizer: Any = AutoTokenizer.from_pretrained(checkpoint, local_files_only=True)
        self.processor: Any = ClapProcessor(self.extractor, tokenizer)  # type: ignore[no-untyped-call]  # as it is

    def embed_texts(self, texts: Sequence[str], most_tokens: int | None = None) -> NDArray[np.float32]:
        """Unit vectors of all texts in one padded batch, shape (texts, dimensions)."""
        cut = {} if most_tokens is None else {"truncation": True, "max_length": most_tokens}
        encoded = self.processor(text=list(texts), return_tensors="pt", padding=True, **cut)
        with torch.no_grad():
            return _array(self.model.get_text_features(encoded["input_ids"], attention_mask=encoded["attention_mask"]))

    def embed_windows(self, waveforms: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
        """Unit vectors of sounds that are no longer than a window, shape (sounds, dimensions)."""
        with torch.no_grad():
            return _array(self.model.get_audio_features(input_features=self._features(waveforms)))

    def project_windows(self, waveforms: Sequence[NDArray[np.float32]]) -> NDArray[np.float64]:
        """The same before they are scaled to length 1."""
        with torch.no_grad():
            heard = self.model.audio_model(input_features=self._features(waveforms)).pooler_output
            projected: NDArray[np.float64] = self.model.audio_projection(heard).double().numpy()
        return projected

    def _features(self, waveforms: Sequence[NDArray[np.float32]]) -> torch.Tensor:
        rate = self.extractor.sampling_rate
        features: torch.Tensor = self.processor(audio=list(waveforms), sampling_rate=rate, return_tensors="pt")[
            "input_features"
        ]
        return features


def _array(features: Any) -> NDArray[np.float32]:
    result: NDArray[np.float32] = features.pooler_output.numpy()
    return result
