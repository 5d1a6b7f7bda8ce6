"""How every command ends: with a status, and with words where something went wrong."""

import logging
import signal
import sys
from collections.abc import Callable
from types import FrameType

from app.cli.output import READER_GONE, accept_every_name, hold_output, reader_has_gone

STOPPED = 130
"""Exit status after Ctrl-C and SIGTERM."""


def run_to_exit(command: Callable[[], object], *, hint: str = "") -> None:
    """Run a command; exits with 2 for what the user can mend, 1 for what he cannot, 130 on Ctrl-C.

    Args:
        command: The command; it reads its own arguments.
        hint: How to see where an error that nobody expected comes from.
    """
    signal.signal(signal.SIGTERM, _stop)
    accept_every_name()
    held = hold_output()
    status = _run(command, hint)
    if status != 0 and reader_has_gone(held):
        status = READER_GONE
    if status == STOPPED:
        sys.stderr.write("stopped\n")
    sys.exit(status)


def _run(command: Callable[[], object], hint: str) -> int:
    """Exit status of a command, after its error has been said."""
    try:
        command()
    except KeyboardInterrupt:
        return STOPPED
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except Exception as error:
        status, message = _explain(error, hint)
        logging.getLogger(__name__).info("failed", exc_info=error)
        from rich.console import Console
        from rich.text import Text

        Console(stderr=True, soft_wrap=True, highlight=False).print(
            Text("error: ", "bold red").append(message, "default")
        )
        return status
    return 0


def configure_log(*, verbose: bool) -> None:
    """Log warnings to standard error, or everything that happens."""
    logging.basicConfig(
        level=logging.INFO if verbose else logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    # an address that is signed is as good as a key while it is valid
    logging.getLogger("httpx2").setLevel(logging.WARNING)


def _explain(error: Exception, hint: str) -> tuple[int, str]:
    """Exit status and words for an error."""
    from app.errors import CatalogueReleasedError, DatabaseUnavailableError, UserError, is_disk_full
    from services.audio_store import ReadOnlyStoreError, StoreRefusedError, StoreUnavailableError
    from services.vector_mirror import MirrorError, MirrorRefusedError

    if isinstance(
        error, (UserError, CatalogueReleasedError, StoreRefusedError, ReadOnlyStoreError, MirrorRefusedError)
    ):
        return 2, str(error)
    if is_disk_full(error):
        return 2, "the disk is full: make room, or set DATA_DIR to another disk"
    if isinstance(error, DatabaseUnavailableError):
        return 1, f"Postgres cannot be reached: {error}"
    if isinstance(error, StoreUnavailableError):
        return 1, f"the audio store does not answer: {error}"
    if isinstance(error, MirrorError):
        return 1, f"the mirror: {error}"
    line = str(error).strip().partition("\n")[0]
    return 1, f"{type(error).__name__}: {line}" + (f" ({hint})" if hint else "")


def _stop(_signal: int, _frame: FrameType | None) -> None:
    """End as on Ctrl-C, so that the embedded Postgres is stopped too."""
    raise KeyboardInterrupt
