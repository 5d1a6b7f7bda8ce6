"""Vectors of audio and of text in one space."""

from services.embedding.cached_text import CachedText, normalise_query
from services.embedding.in_process import InProcessEmbedding
from services.embedding.protocols import EmbeddingProvider, TextEmbedding

__all__ = ["CachedText", "EmbeddingProvider", "InProcessEmbedding", "TextEmbedding", "normalise_query"]
