"""Genre predictions of recordings."""

from typing import Protocol

from models.genres import GenrePrediction
from services.audio_store import Recording
from services.genres.errors import ClassificationFailedError, ClassificationRefusedError, NoAddressError
from services.genres.in_process import InProcessGenres
from services.genres.replicate import ReplicateGenres

__all__ = [
    "ClassificationFailedError",
    "ClassificationRefusedError",
    "GenreClassifier",
    "GenrePrediction",
    "InProcessGenres",
    "NoAddressError",
    "ReplicateGenres",
]


class GenreClassifier(Protocol):
    """Names the genres of a recording; blocks and may be called from any thread."""

    def classify(self, recording: Recording) -> list[GenrePrediction]:
        """Lower-case genre names, the most confident first.

        Raises:
            models.audio.decoding.AudioError: The file cannot be decoded; its message says why.
            services.audio_store.AudioMissingError: It is not in the store.
            ClassificationRefusedError: The classifier will not, and would say so again.
            ClassificationFailedError: It failed; another attempt may succeed.
        """
        ...
