"""Bringing a switch of models to its end: the candidate serves as soon as enough tracks are embedded by it."""

import logging

from sqlalchemy import text

from app.database import Database
from app.processing.calibration import FEWEST_TRACKS, calibrate
from app.providers import Providers

_log = logging.getLogger(__name__)


async def advance_switch(database: Database, providers: Providers) -> str | None:
    """Let the candidate serve if it has enough tracks, or enqueue what it still lacks.

    It is calibrated first, so that a switch never takes results by sound away. A process that does not know the model
    leaves an uncalibrated one to those that do.

    Returns:
        Identity of the model that has begun to serve, or None.
    """
    candidate = next((state for state in await database.all("model_states") if state.candidate), None)
    if candidate is None:
        return None
    if candidate.coverage < candidate.coverage_wanted:
        await database.execute("resume_switch")
        return None
    embedding = providers.embedding_of(candidate.identity)
    if embedding is not None:
        await calibrate(database, embedding, at_once=True)
    elif await database.scalar("calibration_lacking", {"identity": candidate.identity, "fewest": FEWEST_TRACKS}):
        _log.warning(
            "%s has enough tracks and is not known here: a worker that has it calibrates it and lets it serve",
            candidate.identity,
        )
        return None
    async with database.transaction() as transaction:
        served: str | None = await transaction.scalar(text("select search.finish_switch()"))
        return served
