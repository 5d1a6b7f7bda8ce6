"""Drawing the map of the library."""

import asyncio

import numpy as np
from sqlalchemy.ext.asyncio import AsyncEngine

from app.database import load_query, read_halfvec
from models.projection import lay_out

MOST_TRACKS = 100_000
"""In one picture: half a minute of work and some 400 MB of memory; more could not be told apart."""


async def draw(engine: AsyncEngine, most: int = MOST_TRACKS) -> int:
    """Lay the tracks out by how they sound, from where they are, and store that in one transaction.

    Args:
        engine: The database.
        most: Tracks at most, the most played ones.

    Returns:
        How many were drawn: none where nothing is due or another worker draws.
    """
    async with engine.execution_options(isolation_level="READ COMMITTED").begin() as connection:
        if not (await connection.execute(load_query("map_lock"))).scalar_one():
            return 0
        due = (await connection.execute(load_query("map_due"))).one_or_none()
        if due is None:
            return 0
        parameters = {"model_id": due.model_id, "most": most}
        rows = (await connection.execute(load_query("map_vectors"), parameters)).all()
        vectors = np.stack([read_halfvec(bytes(row.embedding)) for row in rows])
        before = np.array([(np.nan, np.nan) if row.x is None else (row.x, row.y) for row in rows], np.float32)
        plane = await asyncio.to_thread(lay_out, vectors, before)
        await connection.execute(load_query("map_clear"))
        places = {"track_ids": [row.track_id for row in rows], "xs": plane[:, 0].tolist(), "ys": plane[:, 1].tolist()}
        await connection.execute(load_query("map_store"), places)
        await connection.execute(load_query("map_record_drawing"), {"model_id": due.model_id, "tracks": due.tracks})
    return len(rows)
