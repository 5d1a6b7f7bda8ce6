"""The bundled model: tags by musicnn, and its reading of texts."""

from models.musicnn.model import MusicnnTagger, MusicnnTags, WindowPlan

__all__ = ["MusicnnTagger", "MusicnnTags", "WindowPlan"]
