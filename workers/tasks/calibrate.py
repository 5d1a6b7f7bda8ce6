"""Calibration of the models in use."""

from procrastinate import JobContext

from app.processing.calibration import calibrate_models
from workers.app import app
from workers.context import worker_context


@app.periodic(cron="* * * * *")
@app.task(name="calibrate_sound", queue="upkeep", pass_context=True)
async def calibrate_sound(context: JobContext, timestamp: int) -> None:  # noqa: ARG001 - procrastinate passes it
    """Calibrate the models in use where a sample no longer stands for the catalogue."""
    worker = worker_context(context)
    await calibrate_models(worker.database, worker.providers)
