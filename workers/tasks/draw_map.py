"""The map of the library."""

from procrastinate import JobContext

from app.processing.library_map import draw
from workers.app import app
from workers.context import worker_context


@app.periodic(cron="*/5 * * * *")
@app.task(name="draw_map", queue="upkeep", pass_context=True)
async def draw_map(context: JobContext, timestamp: int) -> None:  # noqa: ARG001 - procrastinate passes it
    """Draw the map anew where it no longer shows the catalogue."""
    await draw(worker_context(context).database)
