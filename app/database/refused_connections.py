"""Connections that cannot be made: why, and which setting to change."""

import os
import re
from collections.abc import Callable

import psycopg

from app.database.setting_in_use import setting_in_use
from app.errors import DatabaseRefusedError, DatabaseUnavailableError

_Explanation = tuple[str, Callable[[re.Match[str], psycopg.Error], str]]
"""What libpq, the server or the resolver says, and what to do about it."""


def explain_failure(error: psycopg.Error) -> DatabaseUnavailableError:
    """The error for a connection that could not be made, or was lost. Its words never hold a password.

    Returns:
        A ``DatabaseRefusedError`` where the settings have to change, or what the server keeps of its roles and
        databases; otherwise one that says that the server is out of reach.
    """
    said = str(error)
    for pattern, explain in _REFUSED:
        if found := re.search(pattern, said):
            return DatabaseRefusedError(explain(found, error))
    for pattern, explain in _UNREACHABLE:
        if found := re.search(pattern, said):
            return DatabaseUnavailableError(explain(found, error))
    return DatabaseUnavailableError(_first_line(said))


def _first_line(said: str) -> str:
    return said.strip().partition("\n")[0] or "Postgres closed the connection"


def _explain_password(found: re.Match[str], error: psycopg.Error) -> str:
    role = found["role"]
    change = f"alter role {role} password '...'"
    sent = _sent(error, "password")
    if _is_set("POSTGRES_PASSWORD", sent):
        return (
            f'POSTGRES_PASSWORD is not the password of the role "{role}": the database keeps the one that it was '
            "created with. Put that one back in .env, or give the role this one: "
            f'docker compose exec db psql --username {role} {_sent(error, "db")} --command "{change}"'
        )
    source = "PGPASSWORD" if _is_set("PGPASSWORD", sent) else f"the password in {setting_in_use()}"
    return (
        f'Postgres refuses the role "{role}": {source} is not its password, or there is no such role. '
        f"Correct it, or change the password in Postgres: {change}"
    )


def _sent(error: psycopg.Error, name: str) -> str:
    """What libpq has used for a parameter; empty where no connection was begun."""
    value: bytes = getattr(error.pgconn, name, b"") or b""
    return value.decode(errors="replace")


def _is_set(variable: str, value: str) -> bool:
    return bool(value) and os.environ.get(variable) == value


def _explain_missing_password(_found: re.Match[str], error: psycopg.Error) -> str:
    return (
        f'Postgres asks for a password of the role "{_sent(error, "user")}", and none is given: '
        f"set PGPASSWORD, or write it into {setting_in_use()}"
    )


def _explain_entry(found: re.Match[str], _error: psycopg.Error) -> str:
    if found["encryption"]:
        return f"{found['refusal']}: if the server asks for encryption, add sslmode=require to {setting_in_use()}"
    return f"{found['refusal']}: add a line for it to pg_hba.conf of the server, or correct {setting_in_use()}"


_REFUSED: list[_Explanation] = [
    (r'password authentication failed for user "(?P<role>[^"\n]*)"', _explain_password),
    (r"no password supplied", _explain_missing_password),
    (
        r'(?:Peer|Ident) authentication failed for user "(?P<role>[^"\n]*)"',
        lambda found, _: (
            f'Postgres lets the role "{found["role"]}" in here only for the system user of that name: '
            f"run the command as that user, or name a host and a password in {setting_in_use()}"
        ),
    ),
    (
        r'database "(?P<name>[^"\n]*)" does not exist',
        lambda found, _: (
            f'there is no database "{found["name"]}": name another one in {setting_in_use()}, or create it '
            f"(create database {found['name']} template template0 encoding 'UTF8' locale 'C.UTF-8')"
        ),
    ),
    (
        r'role "(?P<role>[^"\n]*)" does not exist',
        lambda found, _: (
            f'there is no role "{found["role"]}": name another one in {setting_in_use()}. '
            "vibe-search db roles, as the owner of the database, creates vibe_app and vibe_reader"
        ),
    ),
    (
        r'role "(?P<role>[^"\n]*)" is not permitted to log in',
        lambda found, _: (
            f'the role "{found["role"]}" may not log in. vibe-search db roles gives vibe_app and vibe_reader a login '
            f"if VIBE_APP_PASSWORD and VIBE_READER_PASSWORD are set. For another role: alter role {found['role']} login"
        ),
    ),
    (
        r'permission denied for database "(?P<name>[^"\n]*)"',
        lambda found, _: (
            f'the role of {setting_in_use()} may not connect to the database "{found["name"]}": grant connect on '
            f"database {found['name']} to it, or name another role"
        ),
    ),
    (
        r"(?P<refusal>no pg_hba\.conf entry for [^\n]*?)(?P<encryption>, no encryption|, SSL off)?(?=\n|$)",
        _explain_entry,
    ),
    (
        r"server does not support SSL, but SSL was required",
        lambda _, __: (
            f"the server offers no encryption: take sslmode out of {setting_in_use()}, or set up TLS in Postgres"
        ),
    ),
    (
        r"failed to resolve host '[^'\n]*@",
        lambda _, __: (
            f"the host in {setting_in_use()} cannot be read: write an @ in the password as %40, "
            "or take the password out and set PGPASSWORD"
        ),
    ),
]
"""Trying again does not help."""

_UNREACHABLE: list[_Explanation] = [
    (
        r"failed to resolve host '(?P<host>[^'\n]*)'",
        lambda found, _: f"the host {found['host']} is not known: correct it in {setting_in_use()}",
    ),
    (
        r'connection to server at "(?P<host>[^"\n]*)"(?: \([^)\n]*\))?, port (?P<port>\d+) failed: Connection refused',
        lambda found, _: (
            f"nothing listens at {found['host']}, port {found['port']}: start the server, or correct host and port in "
            f"{setting_in_use()}"
        ),
    ),
    (
        r'connection to server on socket "(?P<socket>[^"\n]*)" failed: (?:No such file|Connection refused)',
        lambda found, _: (
            f"no server listens on the socket {found['socket']}: start it, or name its host in {setting_in_use()}"
        ),
    ),
    (
        r"connection (?:timeout|is bad: timeout) expired|timeout expired",
        lambda _, __: f"no answer in time: check the host and port in {setting_in_use()}, and firewalls on the way",
    ),
    (
        r'connection to server at "(?P<host>[^"\n]*)".*, port (?P<port>\d+) failed: received invalid response',
        lambda found, _: (
            f"what listens at {found['host']}, port {found['port']} is no Postgres: "
            f"correct host and port in {setting_in_use()}"
        ),
    ),
]
"""It may help to try again."""
