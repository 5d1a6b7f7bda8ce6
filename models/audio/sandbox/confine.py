"""What a confined process gives up, in the order that the kernel requires."""

from __future__ import annotations

import ctypes
import resource
import struct
import sys
from typing import TYPE_CHECKING, Final

from models.audio.sandbox import call_filter, kernel, landlock

if TYPE_CHECKING:
    from collections.abc import Callable

PROTECTIONS: Final = ("no new privileges", "capabilities", "network namespace", "landlock", "system call filter")
"""Names of what can be in force, in the order in which it comes into force."""

_NO_NEW_PRIVILEGES: Final = 38  # PR_SET_NO_NEW_PRIVS of linux/prctl.h
_NEW_USER: Final = 0x10000000  # CLONE_NEWUSER and CLONE_NEWNET of linux/sched.h
_NEW_NETWORK: Final = 0x40000000
_CAPABILITY_VERSION: Final = 0x20080522  # _LINUX_CAPABILITY_VERSION_3


def confine(between: Callable[[], None]) -> dict[str, str]:
    """Give up files, network, other processes and privileges.

    It is called with one thread. What is open stays open, and memory and time can still be used.

    Args:
        between: Starts the threads that the process needs: later none can be started.

    Returns:
        By its name in `PROTECTIONS`, what could not be had on this machine, and why. Empty where all is in force.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    if not sys.platform.startswith("linux"):
        between()
        return dict.fromkeys(PROTECTIONS, "only Linux has it")
    missing: dict[str, str] = {}
    _attempt(missing, "no new privileges", _keep_privileges)
    _attempt(missing, "network namespace", _leave_network)
    _attempt(missing, "capabilities", _drop_capabilities)
    _attempt(missing, "landlock", _refuse_files)
    between()
    _attempt(missing, "system call filter", call_filter.filter_calls)
    return missing


def _attempt(missing: dict[str, str], name: str, take: Callable[[], None]) -> None:
    try:
        take()
    except OSError as error:
        missing[name] = error.strerror or str(error)


def _keep_privileges() -> None:
    kernel.prctl(_NO_NEW_PRIVILEGES, 1)


def _leave_network() -> None:
    """Take a network of its own, without an interface. A user namespace lets a plain user do so."""
    try:
        kernel.unshare(_NEW_USER | _NEW_NETWORK)
    except OSError:
        kernel.unshare(_NEW_NETWORK)


def _drop_capabilities() -> None:
    """Keep none of root's powers, nor those that a new user namespace gives."""
    # struct __user_cap_header_struct, and two of __user_cap_data_struct: effective, permitted, inheritable
    header = ctypes.create_string_buffer(struct.pack("Ii", _CAPABILITY_VERSION, 0))
    none = ctypes.create_string_buffer(24)
    kernel.capset(ctypes.addressof(header), ctypes.addressof(none))


def _refuse_files() -> None:
    lacking = landlock.refuse_everything()
    if lacking:
        raise OSError(0, f"this kernel's version does not refuse {' or '.join(lacking)}")
