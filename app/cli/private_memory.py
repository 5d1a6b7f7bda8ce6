"""Keeping other programs of the same user out of this process's memory and environment, which hold secrets."""

import sys
from contextlib import suppress

from app.errors import UserError
from app.settings import get_settings
from models.audio.sandbox import kernel

_DUMPABLE = 4  # PR_SET_DUMPABLE of linux/prctl.h


def keep_memory_private() -> None:
    """Let only root read the memory and the environment of this process, unless ALLOW_DEBUGGER says otherwise.

    It leaves no core dumps then. Does nothing where the system is not Linux.
    """
    if not sys.platform.startswith("linux"):
        return
    # the command itself says what is wrong with the settings
    with suppress(UserError):
        if get_settings().allow_debugger:
            return
    # a system that refuses this is no worse than before
    with suppress(OSError):
        kernel.prctl(_DUMPABLE, 0)
