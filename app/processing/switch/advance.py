"""Bringing a switch of models to its end: the candidate serves as soon as enough tracks are embedded by it."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from app.database import load_query
from app.processing.calibration import calibrate
from app.providers import Providers


async def advance_switch(engine: AsyncEngine, providers: Providers) -> str | None:
    """Let the candidate serve if it has enough tracks, or enqueue what it still lacks.

    It is calibrated first, so that its results bear their confidence from the first search on.

    Returns:
        Identity of the model that has begun to serve, or None.
    """
    async with engine.connect() as connection:
        states = (await connection.execute(load_query("model_states"))).all()
        candidate = next((state for state in states if state.candidate), None)
        if candidate is None:
            return None
        if candidate.coverage < candidate.coverage_wanted:
            await connection.execute(load_query("resume_switch"))
            return None
    embedding = providers.embedding_of(candidate.identity)
    if embedding is not None:
        await calibrate(engine, embedding, at_once=True)
    async with engine.execution_options(isolation_level="READ COMMITTED").begin() as connection:
        served: str | None = (await connection.execute(text("select search.finish_switch()"))).scalar_one()
        return served
