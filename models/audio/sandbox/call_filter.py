"""A seccomp filter: which system calls the process may still make.

It is a list of what is allowed: memory, time, locks, and reading and writing what is open already. All else fails with
EPERM: opening files, sockets, other processes, threads, signals to others, and executable memory.

The program is classic BPF, as in seccomp(2). It is written here because the libraries that write one need libseccomp,
which few hosts have.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct
import sys
from typing import TYPE_CHECKING, Final

from models.audio.sandbox.kernel import call
from models.audio.sandbox.system_calls import ARCHITECTURES

if TYPE_CHECKING:
    from models.audio.sandbox.system_calls import Architecture

# linux/bpf_common.h and linux/seccomp.h
_LOAD: Final = 0x20
_IF_EQUAL: Final = 0x15
_IF_AT_LEAST: Final = 0x35
_IF_ANY_BIT: Final = 0x45
_RETURN: Final = 0x06
_ALLOW: Final = 0x7FFF0000
_KILL: Final = 0x80000000
_FAIL: Final = 0x00050000

# offsets in struct seccomp_data
_NUMBER: Final = 0
_ARCHITECTURE: Final = 4
_FIRST_ARGUMENT: Final = 16
_THIRD_ARGUMENT: Final = 32

_X32: Final = 0x40000000
_PROT_EXEC: Final = 4

_SET_MODE_FILTER: Final = 1
_ALL_THREADS: Final = 1


def filter_calls() -> None:
    """Let this process, with all its threads, make the calls that decoding needs and no others.

    Raises:
        OSError: The kernel refuses, or the architecture is not known here.
    """
    architecture = ARCHITECTURES.get(os.uname().machine)
    if architecture is None or sys.byteorder != "little":
        raise OSError(errno.ENOSYS, f"no filter is known for {os.uname().machine}")
    install(architecture, assemble(architecture, os.getpid()))


def assemble(architecture: Architecture, pid: int) -> bytes:
    """The program: instructions of eight bytes.

    Args:
        architecture: Whose numbers are allowed; calls by other tables of numbers end the process.
        pid: The process, which may send signals to its own threads, as `abort` does.
    """
    program = [
        _statement(_LOAD, _ARCHITECTURE),
        _branch(_IF_EQUAL, architecture.audit, 1, 0),
        _statement(_RETURN, _KILL),
        _statement(_LOAD, _NUMBER),
    ]
    if architecture.has_x32:
        program += [_branch(_IF_AT_LEAST, _X32, 0, 1), _statement(_RETURN, _KILL)]
    for number in architecture.allowed:
        program += [_branch(_IF_EQUAL, number, 0, 1), _statement(_RETURN, _ALLOW)]
    for number in architecture.executable:
        program += [
            _branch(_IF_EQUAL, number, 0, 4),
            _statement(_LOAD, _THIRD_ARGUMENT),
            _branch(_IF_ANY_BIT, _PROT_EXEC, 0, 1),
            _statement(_RETURN, _FAIL | errno.EPERM),
            _statement(_RETURN, _ALLOW),
        ]
    program += [
        _branch(_IF_EQUAL, architecture.tgkill, 0, 4),
        _statement(_LOAD, _FIRST_ARGUMENT),
        _branch(_IF_EQUAL, pid, 0, 1),
        _statement(_RETURN, _ALLOW),
        _statement(_RETURN, _FAIL | errno.EPERM),
        # a C library that is told so goes back to the older call, which then fails with EPERM
        _branch(_IF_EQUAL, architecture.clone3, 0, 1),
        _statement(_RETURN, _FAIL | errno.ENOSYS),
        _statement(_RETURN, _FAIL | errno.EPERM),
    ]
    return b"".join(program)


def install(architecture: Architecture, program: bytes) -> None:
    """Put a filter over all threads of this process, and over whatever it starts.

    Args:
        architecture: The one that this process runs on.
        program: As `assemble` makes it.

    Raises:
        OSError: The kernel refuses.
    """
    instructions = ctypes.create_string_buffer(program, len(program))
    # struct sock_fprog
    header = ctypes.create_string_buffer(struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(instructions)))
    failed = call(architecture.seccomp, _SET_MODE_FILTER, _ALL_THREADS, ctypes.addressof(header))
    if failed:
        # with this flag the number of a thread that could not be filtered
        raise OSError(errno.ESRCH, f"thread {failed} cannot be filtered")


def _statement(code: int, value: int) -> bytes:
    return struct.pack("HBBI", code, 0, 0, value)


def _branch(code: int, value: int, if_true: int, if_false: int) -> bytes:
    """A comparison; both ways say how many instructions are skipped."""
    return struct.pack("HBBI", code, if_true, if_false, value)
