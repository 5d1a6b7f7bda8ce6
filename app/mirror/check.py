"""Comparing the mirror with the catalogue part by part, for as long as it is in use."""

import logging

from app.database import Database
from app.mirror.comparison import compare, record, repair
from app.mirror.namespaces import read_namespaces
from services.vector_mirror import VectorMirror

_log = logging.getLogger(__name__)

SAMPLE = 10_000
"""Documents that are compared every ten minutes: a million have all been after 17 hours."""


async def check_part(database: Database, mirror: VectorMirror, most: int = SAMPLE) -> int:
    """Compare the part that follows the one that was compared last, record what was found, and have it repaired.

    This finds what bypasses triggers, such as a restore or a session with a replica's role.

    Args:
        database: The database.
        mirror: The mirror.
        most: About how many documents.

    Returns:
        How many differences there were; none without a mirror, or before it serves.

    Raises:
        MirrorError: The mirror does not answer.
        DatabaseUnavailableError: Postgres cannot be reached.
    """
    if not mirror.name:
        return 0
    serving = next((found for found in await read_namespaces(database) if found.state == "serving"), None)
    if serving is None:
        return 0
    after: int | None = await database.scalar_or_none("mirror_last_checked", {"namespace": serving.name})
    found = await compare(database, mirror, serving.name, after=after, most=most)
    await record(database, found)
    number = await repair(database, found)
    if number:
        _log.warning("%s differed from the catalogue in %d documents, which are being mended", serving.name, number)
    return number
