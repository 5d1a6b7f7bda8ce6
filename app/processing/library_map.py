"""Drawing the map of the library."""

import asyncio

import numpy as np

from app.database import Database, read_halfvec
from models.projection import lay_out

MOST_TRACKS = 100_000
"""In one picture: half a minute of work and some 400 MB of memory; more could not be told apart."""


async def draw(database: Database, most: int = MOST_TRACKS) -> int:
    """Lay the tracks out by how they sound, from where they are, and store that in one transaction.

    Args:
        database: The database.
        most: Tracks at most, the most played ones.

    Returns:
        How many were drawn: none where nothing is due or another worker draws.
    """
    async with database.transaction() as transaction:
        if not await transaction.scalar("map_lock"):
            return 0
        due = await transaction.one_or_none("map_due")
        if due is None:
            return 0
        parameters = {"model_id": due.model_id, "most": most}
        rows = await transaction.all("map_vectors", parameters)
        vectors = np.stack([read_halfvec(bytes(row.embedding)) for row in rows])
        before = np.array([(np.nan, np.nan) if row.x is None else (row.x, row.y) for row in rows], np.float32)
        plane = await asyncio.to_thread(lay_out, vectors, before)
        await transaction.execute("map_clear")
        places = {"track_ids": [row.track_id for row in rows], "xs": plane[:, 0].tolist(), "ys": plane[:, 1].tolist()}
        await transaction.execute("map_store", places)
        await transaction.execute("map_record_drawing", {"model_id": due.model_id, "tracks": due.tracks})
    return len(rows)
