"""System calls that Python has no function for."""

from __future__ import annotations

import ctypes
import os

_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long


def call(number: int, *arguments: int) -> int:
    """Make a system call by its number; each argument is passed as a long.

    Raises:
        OSError: It fails.
    """
    result: int = _libc.syscall(ctypes.c_long(number), *map(ctypes.c_ulong, arguments))
    return _checked(result)


def prctl(option: int, value: int) -> int:
    """Change how the kernel treats this process.

    Raises:
        OSError: It fails.
    """
    longs = [ctypes.c_ulong(argument) for argument in (value, 0, 0, 0)]
    result: int = _libc.prctl(ctypes.c_int(option), *longs)
    return _checked(result)


def unshare(flags: int) -> None:
    """Leave namespaces that are shared with other processes.

    Raises:
        OSError: It fails.
    """
    _checked(_libc.unshare(ctypes.c_int(flags)))


def capset(header: int, data: int) -> None:
    """Set the capabilities of this thread.

    Args:
        header: Address of a `struct __user_cap_header_struct`.
        data: Address of the `struct __user_cap_data_struct` that belong to it.

    Raises:
        OSError: It fails.
    """
    _checked(_libc.capset(ctypes.c_void_p(header), ctypes.c_void_p(data)))


def _checked(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result
