"""Keeping confidence true: what a similarity is worth depends on the catalogue, and the catalogue grows."""

import asyncio

import numpy as np
from pgvector import HalfVector

from app.database import Database
from app.providers import Providers
from models.relevance.calibration import fit_sound_relatedness, hubness, load_texts
from services.embedding import TextEmbedding

FEWEST_TRACKS = 16
"""With fewer, a standard deviation means nothing: results by sound bear no confidence, and none stand beside names."""

SAMPLED_TRACKS = 512
"""A standard deviation over so many is right to 3 % (one over the root of twice the sample)."""


async def calibrate_models(database: Database, providers: Providers) -> None:
    """Calibrate each model in use that is known here and whose sample no longer stands for the catalogue."""
    for model in await database.all("models_in_use"):
        embedding = providers.embedding_of(model.identity)
        if embedding is not None:
            await calibrate(database, embedding)


async def calibrate_after_last_job(database: Database, providers: Providers, identity: str) -> bool:
    """Calibrate a model when no job that embeds with it is due any more; a job calls this when it has ended.

    Jobs that run elsewhere are not waited for: each of them looks in its turn.

    Args:
        database: The database.
        providers: Where the model is looked for.
        identity: The model.

    Returns:
        Whether it was done.
    """
    embedding = providers.embedding_of(identity)
    if embedding is None or await database.scalar("embedding_due", {"identity": identity}):
        return False
    return await calibrate(database, embedding)


async def calibrate(database: Database, embedding: TextEmbedding, *, at_once: bool = False) -> bool:
    """Draw the sample anew and learn what similarities to it mean, in one transaction.

    Args:
        database: The database.
        embedding: The provider of the model that serves or is the candidate; others are left alone.
        at_once: Whether or not it is due.

    Returns:
        Whether it was done: not when it was not due, or when there are fewer than FEWEST_TRACKS tracks.
    """
    async with database.transaction() as transaction:
        # of several that end a backfill together, the first calibrates and the others find it done
        await transaction.execute("lock_calibrations")
        due = {"identity": embedding.card.identity, "fewest": FEWEST_TRACKS, "at_once": at_once}
        model = await transaction.one_or_none("calibration_due", due)
        if model is None or model.tracks < FEWEST_TRACKS:
            return False
        drawing = {"model_id": model.model_id, "most": SAMPLED_TRACKS}
        await transaction.execute("draw_calibration_tracks", drawing)
        rows = await transaction.all("calibration_tracks", {"model_id": model.model_id})
        tracks = np.array([HalfVector.from_text(row.embedding).to_numpy() for row in rows], np.float64)
        figures = await asyncio.to_thread(_measure, embedding, tracks)
        values = {"model_id": model.model_id, "tracks": model.tracks, "sampled": len(tracks)} | figures
        await transaction.execute("store_calibration", values)
    return True


def _measure(embedding: TextEmbedding, tracks: np.ndarray) -> dict[str, float]:
    texts = load_texts()
    audible = fit_sound_relatedness(embedding.sound_relatedness, texts)
    descriptions = np.array([embedding.embed_text(text) for text in texts.descriptions], np.float64)
    return {
        "match_slope": embedding.card.match["slope"],
        "match_intercept": embedding.card.match["intercept"],
        "audibility_slope": audible.slope,
        "audibility_intercept": audible.intercept,
        "hubness": hubness(descriptions @ tracks.T),
    }
