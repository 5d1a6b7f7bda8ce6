"""The roles as which others than the owner use the database."""

from collections.abc import Mapping
from typing import Any

import psycopg
from psycopg.errors import InsufficientPrivilege
from psycopg.sql import SQL, Composed, Identifier, Literal

from app.database.connection import connect
from app.database.failures import guard_connection
from app.database.sql_files import SQL_DIR
from app.errors import UserError

ROLES = ("vibe_app", "vibe_reader")
"""What runs the application, and who looks."""


def grant_roles(url: str, passwords: Mapping[str, str], *, dry_run: bool = False) -> list[str]:
    """Make both roles where they are not there, and grant them what they need, in one transaction.

    Args:
        url: libpq URL of a migrated database, as the owner of its objects.
        passwords: By role. A role with one may log in from then on; the other stays as it is, at first without a login.
        dry_run: Whether to change nothing.

    Returns:
        The statements, without the passwords.

    Raises:
        UserError: The role of the URL may not do it.
        DatabaseUnavailableError: Postgres cannot be reached.
    """
    grants = (SQL_DIR / "roles.sql").read_text(encoding="utf-8").strip()
    with guard_connection(), connect(url) as connection:
        logins = [statement for role in ROLES for statement in _role(connection, role, passwords.get(role))]
        shown = [statement.as_string(connection) for statement, _ in logins]
        if not dry_run:
            try:
                for _, statement in logins:
                    connection.execute(statement)
                connection.execute(grants.encode())
                connection.commit()
            except InsufficientPrivilege as error:
                message = str(error).partition("\n")[0]
                raise UserError(
                    f"the role of DATABASE_URL may not make roles: {message}. "
                    "Run it as the owner of the database, with the attribute createrole"
                ) from error
    return [*shown, grants]


def _role(connection: psycopg.Connection[Any], role: str, password: str | None) -> list[tuple[Composed, Composed]]:
    """Statements as they are shown and as they are run."""
    there = connection.execute("select from pg_roles where rolname = %s", [role]).fetchone() is not None
    name = Identifier(role)
    both: list[tuple[Composed, Composed]] = []
    if not there:
        made = SQL("create role {} nologin").format(name)
        both.append((made, made))
    if password is not None:
        login = SQL("alter role {} login password {}")
        # as the server keeps it: a log of statements has no password then
        kept = connection.pgconn.encrypt_password(password.encode(), role.encode(), b"scram-sha-256").decode()
        both.append((login.format(name, SQL("'...'")), login.format(name, Literal(kept))))
    return both
