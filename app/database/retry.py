"""Reads that are tried again where an attempt may have failed by accident."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from psycopg.errors import SerializationFailure
from sqlalchemy.exc import DBAPIError

from app.database.failures import is_of_migration
from app.errors import ConnectionsBusyError, DatabaseUnavailableError

Result = TypeVar("Result")


async def retry_read(read: Callable[[], Awaitable[Result]]) -> Result:
    """What a read returns, tried again where an attempt may have failed by accident.

    A pooled connection may have outlived a restart of the server or of a pooler; the pool drops those after an attempt.
    Beside many others, a second attempt may meet such a connection too, so there is a third.

    A serialization failure says that the serving model was changed in the middle of the statement. The error of a
    migration that was committed then is one, too: connections whose statements were prepared before it are closed. Both
    are tried once more. A read that found no free connection has waited for one already, and is not tried again.

    Args:
        read: The read; changes nothing, for it may run several times.

    Raises:
        DatabaseUnavailableError: All attempts found Postgres out of reach.
        ConnectionsBusyError: No connection has become free in time.
    """
    try:
        return await read()
    except ConnectionsBusyError:
        raise
    except DatabaseUnavailableError:
        try:
            return await read()
        except ConnectionsBusyError:
            raise
        except DatabaseUnavailableError:
            return await read()
    except DBAPIError as error:
        if not isinstance(error.orig, SerializationFailure) and not is_of_migration(error.orig):
            raise
        return await read()
