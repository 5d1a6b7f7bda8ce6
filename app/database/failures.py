"""Which errors of Postgres mean that it cannot be reached, or only be read."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg.errors import (
    FeatureNotSupported,
    InternalError_,
    ObjectNotInPrerequisiteState,
    ReadOnlySqlTransaction,
    UndefinedFunction,
)
from sqlalchemy import exc

from app.database.refused_connections import explain_failure
from app.database.setting_in_use import setting_in_use, using_setting
from app.errors import CatalogueReleasedError, ConnectionsBusyError, DatabaseUnavailableError, ReadOnlyDatabaseError


@contextmanager
def guard_connection(setting: str | None = None) -> Iterator[None]:
    """Turn the errors of a lost or missing server into ``DatabaseUnavailableError``.

    One that does not let this process in is a ``DatabaseRefusedError``. Those of a database that can only be read
    become ``ReadOnlyDatabaseError``, those of a catalogue that is released ``CatalogueReleasedError``. Other errors in
    a statement are bugs or bad data, and pass.

    Args:
        setting: Whose URL is in use, for messages; None for ``setting_in_use``.
    """
    try:
        yield
    except exc.DBAPIError as error:
        if isinstance(error.orig, ReadOnlySqlTransaction):
            raise ReadOnlyDatabaseError from error
        if _is_released(error.orig):
            raise CatalogueReleasedError from error
        if error.connection_invalidated or _is_unavailable(error.orig):
            raise _explain(error.orig, setting) from error
        raise
    except exc.TimeoutError as error:
        raise ConnectionsBusyError from error
    except ReadOnlySqlTransaction as error:
        raise ReadOnlyDatabaseError from error
    except psycopg.OperationalError as error:
        if _is_released(error):
            raise CatalogueReleasedError from error
        if _is_unavailable(error):
            raise _explain(error, setting) from error
        raise


def is_of_migration(error: BaseException | None) -> bool:
    """Whether a migration was committed between the reading and the running of a statement: again, it succeeds.

    Postgres then does not find a function, a type or a view by the number that it has just looked up, or the columns of
    a prepared statement are others.
    """
    if not isinstance(error, InternalError_ | FeatureNotSupported | UndefinedFunction):
        return False
    message = error.diag.message_primary or ""
    return _OF_MIGRATION.match(message) is not None


def is_outdated_plan(error: BaseException | None) -> bool:
    """Whether a statement was prepared before a migration that has changed its columns; it stays prepared."""
    return isinstance(error, FeatureNotSupported) and (error.diag.message_primary or "").startswith(_OUTDATED_PLAN)


_OUTDATED_PLAN = "cached plan must not change result type"
_OF_MIGRATION = re.compile(
    r"cache lookup failed for (function|type|relation)|could not open relation with OID"
    rf"|{_OUTDATED_PLAN}|function with OID \d+ does not exist"
)


def _is_released(error: BaseException | None) -> bool:
    """The view that stands for a table then refuses to be read, and cannot be written to."""
    if not isinstance(error, ObjectNotInPrerequisiteState):
        return False
    message = error.diag.message_primary or ""
    return re.match(r"search is released|cannot (insert into|update|delete from) view", message) is not None


def _is_unavailable(error: BaseException | None) -> bool:
    """Class 08 is a broken connection, 57P a server that stops or starts, 53300 one that is full."""
    if not isinstance(error, psycopg.OperationalError):
        return False
    state = error.sqlstate
    return state is None or state.startswith(("08", "57P")) or state == "53300"


def _explain(error: BaseException | None, setting: str | None) -> DatabaseUnavailableError:
    with using_setting(setting or setting_in_use()):
        return explain_failure(error if isinstance(error, psycopg.Error) else psycopg.OperationalError())
