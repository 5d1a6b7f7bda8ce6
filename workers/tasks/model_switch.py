"""Switches of the model that serves."""

from procrastinate import JobContext

from app.processing.switch.advance import advance_switch
from workers.app import app
from workers.context import worker_context


@app.periodic(cron="* * * * *")
@app.task(name="advance_model_switch", queue="upkeep", pass_context=True)
async def advance_model_switch(context: JobContext, timestamp: int) -> None:  # noqa: ARG001 - procrastinate passes it
    """Let the candidate, if there is one, serve as soon as it has enough tracks."""
    worker = worker_context(context)
    await advance_switch(worker.database, worker.providers)
