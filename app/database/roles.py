"""The roles as which others than the owner use the database."""

import hashlib
import re
from collections.abc import Mapping
from typing import Any

import psycopg
from psycopg.errors import InsufficientPrivilege
from psycopg.sql import SQL, Composed, Identifier, Literal

from app.database.connection import connect
from app.database.failures import guard_connection
from app.database.schema import await_migrations, head, keep_state, read_state
from app.database.setting_in_use import setting_in_use
from app.database.sql_files import SQL_DIR, repeatable_digest
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
    grants = _grants()
    with guard_connection(), connect(url) as connection:
        if not dry_run:
            # Postgres refuses a role, or grants on an object, that another transaction makes meanwhile
            await_migrations(connection)
        logins = [statement for role in ROLES for statement in _role(connection, role, passwords.get(role))]
        shown = [statement.as_string(connection) for statement, _ in logins]
        if not dry_run:
            try:
                for _, statement in logins:
                    connection.execute(statement)
                connection.execute(grants.encode())
                connection.commit()
            except InsufficientPrivilege as error:
                raise UserError(_explain_refusal(connection.info.user, str(error).partition("\n")[0])) from error
    return [*shown, grants]


def _explain_refusal(user: str, message: str) -> str:
    """What gives the role the right that it lacks."""
    said = f"the role of {setting_in_use()} may not do this: {message}"
    name = Identifier(user).as_string(None)
    schema = re.search(r"permission denied for schema (.+)", message)
    if schema is not None:
        grant = f"grant usage on schema {schema[1]} to {', '.join(ROLES)}"
        return f"{said}. The owner of that schema, which has extensions, lets them in ({grant})"
    if "create role" in message:
        return f"{said}. A superuser lets it make roles (alter role {name} createrole)"
    if "role" in message:
        # of PostgreSQL 16 on: who has made a role may change it, and whom they let
        grant = f"grant {', '.join(ROLES)} to {name} with admin option"
        return f"{said}. Another role has made it; a superuser lets this one change it too ({grant})"
    return f"{said}. Run it as the owner of the database"


def are_granted(connection: psycopg.Connection[tuple[object, ...]]) -> bool:
    """Whether the roles have what this version grants on this schema, by what ``note_grants`` has written."""
    row = connection.execute(
        "select has_schema_privilege(oid, 'search', 'usage') from pg_roles where rolname = %s", [ROLES[0]]
    ).fetchone()
    return row == (True,) and read_state(connection, "granted") == _grants_digest()


def note_grants(connection: psycopg.Connection[tuple[object, ...]]) -> None:
    """Write down that ``grant_roles`` has been done."""
    keep_state(connection, "granted", _grants_digest())


def _grants() -> str:
    return (SQL_DIR / "roles.sql").read_text(encoding="utf-8").strip()


def _grants_digest() -> str:
    """Of the grants, and of what they are on."""
    return hashlib.sha256("\0".join([_grants(), head(), repeatable_digest()]).encode()).hexdigest()


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
