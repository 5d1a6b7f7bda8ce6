"""Genre predictions by the bundled model."""

from typing import cast

from models.audio import decode
from models.genres import GenreModel, GenrePrediction
from models.registry import find_model, open_model
from models.run_options import RunOptions
from services.audio_store import Recording

MODEL = "musicnn-tags"
"""The bundled model names genres whichever model embeds."""


class InProcessGenres:
    """Runs the bundled model's genre tags here.

    Args:
        options: How it runs.
        max_seconds: How much of a recording is read, from its start.
        top: How many predictions are kept.
    """

    def __init__(self, options: RunOptions, *, max_seconds: float, top: int = 10) -> None:
        # so small a network has its batch and its device
        self._options = RunOptions(threads=options.threads, decoder=options.decoder)
        self._max_seconds = max_seconds
        self._top = top

    def classify(self, recording: Recording) -> list[GenrePrediction]:
        """Lower-case genre names, the most confident first."""
        model = cast("GenreModel", open_model(find_model(MODEL), self._options))
        with recording.open() as audio:
            waveform = decode(
                audio, find_model(MODEL).sample_rate, max_seconds=self._max_seconds, limits=self._options.decoder
            )
        return model.genre_predictions(waveform, top=self._top)
