"""The command line in processes that start fast, each forked from one that has imported everything, and in this one."""

import io
import multiprocessing
import os
import signal
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from subprocess import CompletedProcess
from unittest.mock import patch

from app.cli import main
from app.settings import get_settings

SECONDS = 300
"""Far more than any command needs on a busy machine: a command that hangs is killed then."""

_processes = multiprocessing.get_context("forkserver")
# nothing that starts a thread or reads the environment while it is imported
_processes.set_forkserver_preload([__name__])


def run_command(*arguments: str, environment: Mapping[str, str], folder: Path | None = None) -> CompletedProcess[str]:
    """Run `vibe-search` with these arguments, as a shell does, without its second of imports.

    Args:
        arguments: What follows the program's name.
        environment: The whole environment.
        folder: Where it runs; the current folder by default.
    """
    with tempfile.TemporaryDirectory() as written:
        process = _processes.Process(
            target=_become, args=(arguments, dict(environment), folder or Path.cwd(), Path(written))
        )
        process.start()
        process.join(SECONDS)
        late = process.is_alive()
        process.kill()
        process.join()
        encoding = environment.get("PYTHONIOENCODING", "utf-8")
        output, errors = ((Path(written) / name).read_text(encoding) for name in ("stdout", "stderr"))
        assert not late, f"{arguments} did not end: {output}{errors}"
        assert process.exitcode is not None
        return CompletedProcess(["vibe-search", *arguments], process.exitcode, output, errors)


def run_command_here(*arguments: str, environment: Mapping[str, str]) -> CompletedProcess[str]:
    """As ``run_command``, in this process, which imports torch once for all its exports.

    Args:
        arguments: What follows the program's name.
        environment: The whole environment.
    """
    encoding = environment.get("PYTHONIOENCODING", "utf-8")
    output, errors = (io.TextIOWrapper(io.BytesIO(), encoding, write_through=True) for _ in range(2))
    get_settings.cache_clear()
    stopping = signal.getsignal(signal.SIGTERM)
    try:
        with (
            patch.dict(os.environ, environment, clear=True),
            patch.object(sys, "argv", ["vibe-search", *arguments]),
            redirect_stdout(output),
            redirect_stderr(errors),
        ):
            main()
    except SystemExit as ended:
        status = ended.code
    finally:
        signal.signal(signal.SIGTERM, stopping)
        get_settings.cache_clear()
    code = status if isinstance(status, int) else int(status is not None)
    written = [stream.buffer.getvalue().decode(encoding) for stream in (output, errors)]
    return CompletedProcess(["vibe-search", *arguments], code, *written)


def _become(arguments: Sequence[str], environment: Mapping[str, str], folder: Path, written: Path) -> None:
    for descriptor, name in ((1, "stdout"), (2, "stderr")):
        file = os.open(written / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(file, descriptor)
        os.close(file)
    encoding = environment.get("PYTHONIOENCODING", "utf-8")
    sys.stdout, sys.stderr = (os.fdopen(descriptor, "w", encoding=encoding) for descriptor in (1, 2))
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    sys.argv = ["vibe-search", *arguments]
    main()
