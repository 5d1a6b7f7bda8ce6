"""Genre classification of recordings."""

import json
from dataclasses import asdict

from procrastinate import JobContext

from app.providers import Providers
from services.audio_store import Recording
from services.genres import GenrePrediction
from services.metrics import GENRES
from workers.app import app
from workers.retry import Backoff
from workers.track_job import TrackJob, run_track_job, worker_context


@app.task(name="classify_genres", queue="classify", retry=Backoff(), pass_context=True)
async def classify_genres(context: JobContext, *, track_id: int, file_id: str) -> None:
    """Store ``extra.genre_predictions`` and ``extra.genre_predictions_file_id`` of a track, and its automatic tags.

    Raises:
        PermanentJobError: The audio cannot be decoded, or the classifier refuses it.
    """
    job = genre_job(worker_context(context).providers)
    if job is None:
        # a backfill does it, when they are switched on again
        return
    await run_track_job(context, job, track_id=track_id, file_id=file_id)


def genre_job(providers: Providers) -> TrackJob | None:
    """The work of classifying a track; None where nobody names genres."""
    if providers.genres is None:
        return None

    def parameters(predictions: list[GenrePrediction]) -> dict[str, object]:
        return {"predictions": json.dumps([asdict(prediction) for prediction in predictions])}

    name_genres = providers.genres.classify

    def classify(recording: Recording) -> list[GenrePrediction]:
        with GENRES.time():
            return name_genres(recording)

    return TrackJob("classify_genres", "", "classified", classify, "store_genre_predictions", parameters)
