"""Comparison of the mirror with the catalogue."""

from procrastinate import JobContext

from app.mirror import check_part
from workers.app import app
from workers.context import worker_context


@app.periodic(cron="*/10 * * * *")
@app.task(name="check_mirror", queue="upkeep", pass_context=True)
async def check_mirror(context: JobContext, timestamp: int) -> None:  # noqa: ARG001 - procrastinate passes it
    """Compare the next part of the mirror with the catalogue, record what was found, and have it repaired."""
    worker = worker_context(context)
    await check_part(worker.database, worker.providers.mirror)
