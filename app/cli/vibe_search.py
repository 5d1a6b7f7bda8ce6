"""Where the command starts. It imports next to nothing, so that Ctrl-C ends it at any moment without a traceback.

An installation has this file at its top, as the module ``vibe_search``. The folders of the project have common names,
and Python would take those of another project from PYTHONPATH: this name finds the installation first.
"""

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType
    from typing import NoReturn

_FOLDERS = ("app", "models", "scripts", "services", "sql", "workers")
_HERE = os.path.dirname(os.path.abspath(__file__))
_ADVICE = "remove its folder from PYTHONPATH, or install vibe-search as an application (pipx, uv tool)"


def main() -> None:
    """Run the command; exits with 130 on Ctrl-C and SIGTERM, whatever has been imported by then."""
    try:
        # also this one imports others
        import signal

        signal.signal(signal.SIGTERM, _stop)
        _come_first(_find_installation())
        from app.cli import main as run

        run()
    except KeyboardInterrupt:
        _leave(130, "stopped")


def _find_installation() -> str:
    """The folder that holds the folders of the project.

    It is that of this file, two above the file in a checkout, or what an editable install has added to the path.
    """
    for folder in (_HERE, os.path.dirname(os.path.dirname(_HERE)), *sys.path):
        if os.path.isfile(os.path.join(folder, "app", "cli", "command.py")):
            return os.path.abspath(folder)
    return _leave(2, "error: vibe-search is not complete: reinstall it")


def _come_first(installation: str) -> None:
    """Let the project's folders be imported from its installation, here and in child processes.

    Nothing is changed where they are already: packages would come before the standard library.
    """
    for name in _FOLDERS:
        file = getattr(sys.modules.get(name), "__file__", None)
        if file is not None and os.path.dirname(os.path.dirname(os.path.abspath(file))) != installation:
            _leave(2, f"error: {os.path.dirname(file)} was imported in place of vibe-search's own {name}: {_ADVICE}")
    for folder in sys.path:
        if os.path.abspath(folder) == installation:
            return
        if any(os.path.exists(os.path.join(folder, found)) for name in _FOLDERS for found in (name, f"{name}.py")):
            break
    sys.path.insert(0, installation)
    inherited = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = f"{installation}{os.pathsep}{inherited}" if inherited else installation


def _leave(status: int, words: str) -> "NoReturn":
    sys.stderr.write(f"{words}\n")
    sys.exit(status)


def _stop(_signal: int, _frame: "FrameType | None") -> None:
    """End as on Ctrl-C."""
    raise KeyboardInterrupt
