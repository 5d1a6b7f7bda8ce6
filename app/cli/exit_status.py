"""How every command ends: with a status, and with words where something went wrong."""

import logging
import signal
import sys
from collections.abc import Callable
from types import FrameType

from rich.console import Console
from rich.text import Text

from app.errors import CatalogueReleasedError, DatabaseUnavailableError, UserError, is_disk_full
from services.audio_store import ReadOnlyStoreError, StoreRefusedError, StoreUnavailableError
from services.vector_mirror import MirrorError, MirrorRefusedError


def run_to_exit(command: Callable[[], object], *, hint: str = "") -> None:
    """Run a command; exits with 2 for what the user can mend, 1 for what he cannot, 130 on Ctrl-C.

    Args:
        command: The command; it reads its own arguments.
        hint: How to see where an error that nobody expected comes from.
    """
    signal.signal(signal.SIGTERM, _stop)
    try:
        command()
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:
        status, message = _explain(error, hint)
        logging.getLogger(__name__).info("failed", exc_info=error)
        Console(stderr=True, soft_wrap=True, highlight=False).print(
            Text("error: ", "bold red").append(message, "default")
        )
        sys.exit(status)


def configure_log(*, verbose: bool) -> None:
    """Log warnings to standard error, or everything that happens."""
    logging.basicConfig(
        level=logging.INFO if verbose else logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    # an address that is signed is as good as a key while it is valid
    logging.getLogger("httpx2").setLevel(logging.WARNING)


def _explain(error: Exception, hint: str) -> tuple[int, str]:
    """Exit status and words for an error."""
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
