"""Which errors of Postgres mean that it cannot be reached, or only be read."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg.errors import ReadOnlySqlTransaction
from sqlalchemy import exc

from app.errors import ConnectionsBusyError, DatabaseUnavailableError, ReadOnlyDatabaseError


@contextmanager
def guard_connection() -> Iterator[None]:
    """Turn the errors of a lost or missing server into ``DatabaseUnavailableError``.

    Those of a database that can only be read become ``ReadOnlyDatabaseError``. Other errors in a statement are bugs or
    bad data, and pass.
    """
    try:
        yield
    except exc.DBAPIError as error:
        if isinstance(error.orig, ReadOnlySqlTransaction):
            raise ReadOnlyDatabaseError from error
        if error.connection_invalidated or _is_unavailable(error.orig):
            raise DatabaseUnavailableError(_first_line(error.orig)) from error
        raise
    except exc.TimeoutError as error:
        raise ConnectionsBusyError from error
    except ReadOnlySqlTransaction as error:
        raise ReadOnlyDatabaseError from error
    except psycopg.OperationalError as error:
        if _is_unavailable(error):
            raise DatabaseUnavailableError(_first_line(error)) from error
        raise


def _is_unavailable(error: BaseException | None) -> bool:
    """Class 08 is a broken connection, 57P a server that stops or starts, 53300 one that is full."""
    if not isinstance(error, psycopg.OperationalError):
        return False
    state = error.sqlstate
    return state is None or state.startswith(("08", "57P")) or state == "53300"


def _first_line(error: BaseException | None) -> str:
    return str(error).strip().partition("\n")[0] or "Postgres closed the connection"
