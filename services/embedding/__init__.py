"""Vectors of audio and of text in one space."""

from services.embedding.cached_text import CachedText, normalise_query
from services.embedding.in_process import InProcessEmbedding
from services.embedding.protocols import EmbeddingProvider, TextEmbedding
from services.embedding.remote import RemoteEmbedding

__all__ = [
    "CachedText",
    "EmbeddingProvider",
    "InProcessEmbedding",
    "RemoteEmbedding",
    "TextEmbedding",
    "normalise_query",
]
