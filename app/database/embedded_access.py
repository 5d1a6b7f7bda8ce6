"""Who may connect to the embedded server: its owner and the application, each with a password from a file."""

import os
import secrets
import time
from collections.abc import Callable

import psycopg
from psycopg.sql import SQL, Identifier, Literal

from app.database.files import replace_file
from app.database.postgres_server import DataFolder

OWNER = "postgres"
"""Owns the database: migrates, and makes stores of models."""

APPLICATION = "vibe_app"
"""Reads and writes rows, and nothing else; the first of ``app.database.roles.ROLES``."""

_MARK = "# Written by vibe-search: every connection needs a password. It is in the file beside this folder."
_WITH_PASSWORD = f"{_MARK}\nlocal all all scram-sha-256\nlocal replication all scram-sha-256\n"
_WITHOUT = "local all all trust\n"
_NO_FILE = f"{os.devnull}/none"
"""A password file that cannot be there: libpq would look into that of the user."""

_RELOAD_SECONDS = 60
_LOOK_SECONDS = 0.02


class EmbeddedAccess:
    """The passwords of a server, and its rules of who may connect.

    Args:
        folder: The server's data folder.
    """

    def __init__(self, folder: DataFolder) -> None:
        self._folder = folder
        self._rules = folder.path / "pg_hba.conf"
        self.password_file = folder.path.with_name(f"{folder.path.name}.pgpass")

    def require_passwords(self, address: Callable[[str], str]) -> None:
        """Give both roles a password, and refuse every connection without one.

        Nothing is done where that was done before. A server of an earlier version takes every connection to its
        socket. One whose password file is lost takes none. Both get new passwords.

        Args:
            address: Libpq URL without a password, by the name of a role. The server runs.

        Raises:
            TimeoutError: The server does not take the rules over.
        """
        if self.password_file.exists() and self._rules.read_text(encoding="utf-8").startswith(_MARK):
            return
        if not _lets_in(address(OWNER)):
            self._write_rules(_WITHOUT)
            self._await(lambda: _lets_in(address(OWNER)))
        passwords = {role: secrets.token_urlsafe(32) for role in (OWNER, APPLICATION)}
        self._keep(passwords)
        with psycopg.connect(_without_password(address(OWNER)), autocommit=True) as connection:
            if connection.execute("select from pg_roles where rolname = %s", [APPLICATION]).fetchone() is None:
                connection.execute(SQL("create role {}").format(Identifier(APPLICATION)))
            for role, password in passwords.items():
                # as the server keeps it: a log of statements has no password then
                kept = connection.pgconn.encrypt_password(password.encode(), role.encode(), b"scram-sha-256").decode()
                connection.execute(SQL("alter role {} login password {}").format(Identifier(role), Literal(kept)))
        self._write_rules(_WITH_PASSWORD)
        self._await(lambda: not _lets_in(address(OWNER)))

    def _keep(self, passwords: dict[str, str]) -> None:
        lines = "".join(f"*:*:*:{role}:{password}\n" for role, password in passwords.items())
        replace_file(self.password_file, lines)

    def _write_rules(self, rules: str) -> None:
        replace_file(self._rules, rules, self._folder.give)
        self._folder.reload()

    def _await(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + _RELOAD_SECONDS
        while not condition():
            if time.monotonic() > deadline:
                raise TimeoutError(f"the server in {self._folder.path} does not read {self._rules.name} again")
            time.sleep(_LOOK_SECONDS)


def _without_password(address: str) -> str:
    return psycopg.conninfo.make_conninfo(address, passfile=_NO_FILE)


def _lets_in(address: str) -> bool:
    """Whether a connection is made without a password."""
    try:
        psycopg.connect(_without_password(address)).close()
    except psycopg.OperationalError:
        return False
    return True
