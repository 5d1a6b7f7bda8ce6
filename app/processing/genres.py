"""Genre classification of recordings."""

import json
from dataclasses import asdict

from app.processing.track_job import TrackJob
from app.providers import Providers
from services.audio_store import Recording
from services.genres import GenrePrediction
from services.metrics import GENRES


def genre_job(providers: Providers) -> TrackJob | None:
    """The work of classifying a track; None where no classifier is configured."""
    if providers.genres is None:
        return None

    def parameters(predictions: list[GenrePrediction]) -> dict[str, object]:
        return {"predictions": json.dumps([asdict(prediction) for prediction in predictions])}

    name_genres = providers.genres.classify

    def classify(recording: Recording) -> list[GenrePrediction]:
        with GENRES.time():
            return name_genres(recording)

    return TrackJob("classify_genres", "", "classified", classify, "store_genre_predictions", parameters)
