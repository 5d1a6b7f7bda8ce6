"""Words and short phrases as vectors, by WordLlama's table of token embeddings.

WordLlama is a static table: a phrase is the mean of its tokens' rows. Its two files are read as they lie in the
installed package. Its own loader is passed by because importing it configures the root logger of the process
and, where the tokenizer is not found where it looks, downloads one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from safetensors.numpy import load_file
from tokenizers import Tokenizer

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray


class WordVectors:
    """A loaded table. Each phrase is embedded on its own, so its vector never depends on its neighbours."""

    def __init__(self, table: Path, tokenizer: Path) -> None:
        """Load the two files.

        Args:
            table: The safetensors file with `embedding.weight`, shape `(tokens, dimensions)`.
            tokenizer: The tokenizer's JSON file.

        Raises:
            OSError: A file cannot be read.
        """
        self._rows: NDArray[np.float16] = load_file(table)["embedding.weight"]
        self._tokenizer = Tokenizer.from_file(str(tokenizer))
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()

    def embed(self, phrases: list[str]) -> NDArray[np.float64]:
        """Embed phrases.

        Args:
            phrases: Lower-case words or short phrases.

        Returns:
            Unit vectors, shape `(phrases, dimensions)`; zeros for a phrase without tokens.
        """
        vectors = np.zeros((len(phrases), self._rows.shape[1]))
        for vector, phrase in zip(vectors, phrases, strict=True):
            tokens = self._tokenizer.encode(phrase, add_special_tokens=False).ids
            known = [token for token in tokens if token < len(self._rows)]
            if known:
                mean = self._rows[known].astype(np.float64).mean(axis=0)
                vector[:] = mean / max(float(np.linalg.norm(mean)), np.finfo(np.float64).tiny)
        return vectors
