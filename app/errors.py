"""Errors that end a command or a request with a message for the person who caused it."""


class UserError(Exception):
    """Something the user can mend; the message says what and how. The command line exits with 2."""


class DatabaseUnavailableError(Exception):
    """Postgres cannot be reached at the moment. HTTP answers 503, the command line exits with 1."""
