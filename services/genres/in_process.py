"""Genre predictions by a model in this process."""

from models.audio.decoding import decode
from models.genres import GenrePrediction
from models.registry import Card, open_genre_model
from models.runtime.run_options import RunOptions
from services.audio_store import Recording


class InProcessGenres:
    """Runs a model that names genres here; it is loaded with the first recording.

    Args:
        card: The model, from `models.registry.Registry.find_genre_model`.
        options: How it runs.
        max_seconds: How much of a recording is read, from its start.
        top: How many predictions are kept.
    """

    def __init__(self, card: Card, options: RunOptions, *, max_seconds: float, top: int = 10) -> None:
        self._card = card
        self._options = options
        self._max_seconds = max_seconds
        self._top = top

    def classify(self, recording: Recording) -> list[GenrePrediction]:
        """Lower-case genre names, the most confident first."""
        model = open_genre_model(self._card, self._options)
        with recording.open() as audio:
            waveform = decode(
                audio, self._card.sample_rate, max_seconds=self._max_seconds, limits=self._options.decoder
            )
        return model.genre_predictions(waveform, top=self._top)
