"""Keeping confidence true: what a similarity is worth depends on the catalogue, and the catalogue grows."""

import asyncio

import numpy as np
from pgvector import HalfVector
from sqlalchemy.ext.asyncio import AsyncEngine

from app.database import load_query
from app.providers import Providers
from models.relevance.calibration import fit_sound_relatedness, hubness, load_texts
from services.embedding import TextEmbedding

FEWEST_TRACKS = 16
"""With fewer, a standard deviation means nothing, and results by sound bear no confidence."""

SAMPLED_TRACKS = 512
"""A standard deviation over so many is right to 3 % (one over the root of twice the sample)."""


async def calibrate_models(engine: AsyncEngine, providers: Providers) -> None:
    """Calibrate each model in use that is known here and whose sample no longer stands for the catalogue."""
    async with engine.connect() as connection:
        models = (await connection.execute(load_query("models_in_use"))).all()
    for model in models:
        embedding = providers.embedding_of(model.identity)
        if embedding is not None:
            await calibrate(engine, embedding)


async def calibrate(engine: AsyncEngine, embedding: TextEmbedding, *, at_once: bool = False) -> bool:
    """Draw the sample anew and learn what similarities to it mean, in one transaction.

    Args:
        engine: The database.
        embedding: The provider of the model that serves or is the candidate; others are left alone.
        at_once: Whether or not it is due.

    Returns:
        Whether it was done: not when it was not due, or when there are fewer than FEWEST_TRACKS tracks.
    """
    async with engine.execution_options(isolation_level="READ COMMITTED").begin() as connection:
        due = {"identity": embedding.card.identity, "fewest": FEWEST_TRACKS, "at_once": at_once}
        model = (await connection.execute(load_query("calibration_due"), due)).one_or_none()
        if model is None or model.tracks < FEWEST_TRACKS:
            return False
        drawing = {"model_id": model.model_id, "most": SAMPLED_TRACKS}
        await connection.execute(load_query("draw_calibration_tracks"), drawing)
        rows = await connection.execute(load_query("calibration_tracks"), {"model_id": model.model_id})
        tracks = np.array([HalfVector.from_text(row.embedding).to_numpy() for row in rows], np.float64)
        figures = await asyncio.to_thread(_measure, embedding, tracks)
        values = {"model_id": model.model_id, "tracks": model.tracks, "sampled": len(tracks)} | figures
        await connection.execute(load_query("store_calibration"), values)
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
