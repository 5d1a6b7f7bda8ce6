"""Genre predictions of recordings."""

from typing import Protocol

from models.genres import GenrePrediction
from services.audio_store import Recording
from services.genres.in_process import InProcessGenres

__all__ = ["GenreClassifier", "GenrePrediction", "InProcessGenres"]


class GenreClassifier(Protocol):
    """Names the genres of a recording; blocks and may be called from any thread."""

    def classify(self, recording: Recording) -> list[GenrePrediction]:
        """Lower-case genre names, the most confident first.

        Raises:
            models.audio.AudioError: The file cannot be decoded; its message says why.
            services.audio_store.AudioMissingError: It is not in the store.
        """
        ...
