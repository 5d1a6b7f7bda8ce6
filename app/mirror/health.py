"""Whether the mirror can be used with these settings."""

import asyncio
import logging

from app.database import Database
from app.errors import UserError
from app.mirror.namespaces import read_namespaces
from services.vector_mirror import MirrorError, MirrorRefusedError, MirrorUnavailableError, VectorMirror

_log = logging.getLogger(__name__)

_PATIENCE_SECONDS = 3.0


async def inspect_mirror(database: Database, mirror: VectorMirror, base: str) -> MirrorError | None:
    """What keeps the mirror from being used; None while nothing does, or there is none.

    Args:
        database: The database.
        mirror: The mirror.
        base: Name of its first namespace.

    Returns:
        A MirrorRefusedError, which names the setting to change, or a MirrorUnavailableError, which may pass.

    Raises:
        DatabaseUnavailableError: Postgres cannot be reached.
    """
    if not mirror.name:
        return None
    namespaces = await read_namespaces(database)
    name = next((found.name for found in namespaces if found.state == "serving"), base)
    dimensions = await database.scalar_or_none("serving_dimensions")
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            held = await mirror.inspect(name)
    except MirrorError as error:
        return error
    except TimeoutError:
        return MirrorUnavailableError(f"{mirror.name} has not answered within {_PATIENCE_SECONDS:g} s")
    ours = any(found.name == name for found in namespaces)
    if held is not None and not ours and held.dimensions not in {None, dimensions}:
        return MirrorRefusedError(
            f"TURBOPUFFER_NAMESPACE: {name} holds vectors of {held.dimensions} dimensions, and those of the serving "
            f"model have {dimensions}: name another namespace, or let a model of as many serve"
        )
    return None


async def require_mirror(database: Database, mirror: VectorMirror, base: str) -> None:
    """Refuse to start with settings with which the mirror will never do; one that does not answer is only told of.

    Raises:
        UserError: A setting is wrong.
        DatabaseUnavailableError: Postgres cannot be reached.
    """
    problem = await inspect_mirror(database, mirror, base)
    if isinstance(problem, MirrorRefusedError):
        raise UserError(str(problem)) from problem
    if problem is not None:
        _log.warning("the mirror cannot be used at the moment: %s", problem)
