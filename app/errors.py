"""Errors that end a command or a request with a message for the person who caused it."""

import errno

from psycopg.errors import DiskFull


class UserError(Exception):
    """Something the user can mend; the message says what and how. The command line exits with 2."""


class ReadOnlyDatabaseError(UserError):
    """What was asked for writes, and the database can only be read, as a replica. HTTP answers 503."""

    def __init__(self) -> None:
        super().__init__("the database can only be read, as a replica: write to the primary")


class DatabaseUnavailableError(Exception):
    """Postgres cannot be reached at the moment. HTTP answers 503, the command line exits with 1."""


class DatabaseRefusedError(DatabaseUnavailableError, UserError):
    """Postgres does not let this process in: a password, a role or a database is wrong.

    HTTP answers 503, the command line exits with 2.
    """


class CatalogueReleasedError(DatabaseUnavailableError):
    """Search does not read the adopted catalogue until it is adopted again. HTTP answers 503 with code ``released``."""

    def __init__(self) -> None:
        super().__init__("search is released from the tables of the application: run vibe-search db adopt")


class ConnectionsBusyError(DatabaseUnavailableError):
    """All connections of the pool are in use, and none became free in time. HTTP answers 503."""

    def __init__(self) -> None:
        super().__init__("all connections to Postgres are in use")


class StatementTimeoutError(Exception):
    """A statement has taken longer than its pool allows, and was cancelled. HTTP answers 503."""


def is_disk_full(error: BaseException | None) -> bool:
    """Whether an error, or what caused it, is a disk without room: this process's own or the server's."""
    while error is not None:
        if isinstance(error, DiskFull) or (isinstance(error, OSError) and error.errno == errno.ENOSPC):
            return True
        error = error.__cause__ or error.__context__
    return False
