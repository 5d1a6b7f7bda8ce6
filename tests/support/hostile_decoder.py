"""A decoder that a file has taken over: started as the decoder is, it tries to break out, and tells how that went.

It runs as `python -m tests.support.hostile_decoder`, in the place of `models.audio.decoder_child`. Its answer to any
order is JSON: by the name of an attempt, the name of the error that it met, or "done".
"""

from __future__ import annotations

import _thread
import ctypes
import errno
import json
import mmap
import os
import socket
import struct
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from models.audio import decoder_child
from models.audio.sandbox.system_calls import ARCHITECTURES

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.connection import Connection

PARENT = os.getppid()
MACHINE = os.uname().machine

_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long
_WORD = ctypes.create_string_buffer(64)

NUMBERS = {
    "x86_64": {
        "ptrace": 101, "process_vm_readv": 310, "process_vm_writev": 311, "bpf": 321, "perf_event_open": 298,
        "userfaultfd": 323, "io_uring_setup": 425, "keyctl": 250, "add_key": 248, "mount": 165, "unshare": 272,
        "setns": 308, "clone3": 435, "memfd_create": 319, "openat2": 437, "pidfd_open": 434,
        "pidfd_getfd": 438, "name_to_handle_at": 303, "prlimit64": 302, "prctl": 157, "personality": 135,
        "kcmp": 312, "shmget": 29, "msgget": 68, "fcntl": 72, "ioctl": 16, "dup": 32, "inotify_init1": 294,
        "init_module": 175, "reboot": 169, "chroot": 161, "setuid": 105, "sendmsg": 46, "execveat": 322,
    },
    "aarch64": {
        "ptrace": 117, "process_vm_readv": 270, "process_vm_writev": 271, "bpf": 280, "perf_event_open": 241,
        "userfaultfd": 282, "io_uring_setup": 425, "keyctl": 219, "add_key": 217, "mount": 40, "unshare": 97,
        "setns": 268, "clone3": 435, "memfd_create": 279, "openat2": 437, "pidfd_open": 434,
        "pidfd_getfd": 438, "name_to_handle_at": 264, "prlimit64": 261, "prctl": 167, "personality": 92,
        "kcmp": 272, "shmget": 194, "msgget": 186, "fcntl": 25, "ioctl": 29, "dup": 23, "inotify_init1": 26,
        "init_module": 105, "reboot": 142, "chroot": 51, "setuid": 146, "sendmsg": 211, "execveat": 281,
    },
}[MACHINE]  # fmt: skip
"""System calls that decoding does not need, each made with arguments of zero."""


def call(number: int, *arguments: int) -> None:
    if _libc.syscall(ctypes.c_long(number), *map(ctypes.c_ulong, (*arguments, *[0] * (6 - len(arguments))))) < 0:
        raise OSError(ctypes.get_errno(), "refused")


def connect(kind: int, family: int, address: Any) -> None:
    with socket.socket(family, kind) as client:
        client.connect(address)


def read(path: str) -> None:
    with open(path, "rb") as file:  # noqa: PTH123 - pathlib would ask more questions first
        file.read(1)


def fork() -> None:
    child = os.fork()
    if child == 0:
        os._exit(0)
    # its end is a signal, which would stop this process once it has asked to be traced
    os.waitpid(child, 0)


def start_thread() -> None:
    # threading would wait for it to run, which it may not within the memory that is left
    _thread.start_new_thread(bool, ())


def make_executable() -> None:
    mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC).close()


def read_memory_of_the_parent() -> None:
    # two of struct iovec: eight bytes here, and there at the same address
    struct.pack_into("PNPN", _WORD, 8, *[ctypes.addressof(_WORD), 8] * 2)
    vectors = ctypes.addressof(_WORD) + 8
    call(NUMBERS["process_vm_readv"], PARENT, vectors, 1, vectors + 16, 1, 0)


def attempts(order: dict[str, Any]) -> dict[str, Callable[[], object]]:
    """What hostile code would try, by name; the order names what there is to reach."""
    named: dict[str, Callable[[], object]] = {
        "environment of the parent": lambda: read(f"/proc/{PARENT}/environ"),
        "memory of the parent": lambda: read(f"/proc/{PARENT}/mem"),
        "maps of the parent": lambda: read(f"/proc/{PARENT}/maps"),
        "own memory": lambda: read("/proc/self/mem"),
        "a file": lambda: read("/etc/passwd"),
        "a file of the project": lambda: read(__file__),
        "a folder": lambda: list(Path("/").iterdir()),
        "what a file is": lambda: Path("/etc/passwd").stat(),
        "a new file": lambda: os.close(os.open("/tmp/hostile", os.O_CREAT | os.O_WRONLY)),  # noqa: S108
        "a Unix socket": lambda: connect(socket.SOCK_STREAM, socket.AF_UNIX, order["unix"]),
        "an abstract socket": lambda: connect(socket.SOCK_STREAM, socket.AF_UNIX, "\0" + order["abstract"]),
        "TCP": lambda: connect(socket.SOCK_STREAM, socket.AF_INET, ("127.0.0.1", order["tcp"])),
        "UDP": lambda: connect(socket.SOCK_DGRAM, socket.AF_INET, ("127.0.0.1", 53)),
        "netlink": lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW),
        "a pair of sockets": socket.socketpair,
        # it is empty, so this process goes on even where nothing refuses
        "exec": lambda: os.execv(order["file"], ["file"]),  # noqa: S606 - is refused
        "fork": fork,
        "a thread": start_thread,
        "a signal to the parent": lambda: os.kill(PARENT, 0),
        "a signal to a thread of the parent": lambda: call(ARCHITECTURES[MACHINE].tgkill, PARENT, PARENT, 0),
        "a signal to all": lambda: os.kill(-1, 0),
        "executable memory": make_executable,
        "removing a file": lambda: os.unlink(order["file"]),  # noqa: PTH108
    }
    calls: dict[str, Callable[[], object]] = {name: partial(call, number) for name, number in NUMBERS.items()}
    calls["process_vm_readv"] = read_memory_of_the_parent
    return named | {f"the call {name}": attempt for name, attempt in calls.items()}


def outcome(attempt: Callable[[], object]) -> str:
    """How an attempt went."""
    try:
        attempt()
    except OSError as error:
        return errno.errorcode[error.errno or 0]
    except Exception as error:  # noqa: BLE001 - such as a thread that cannot start
        return type(error).__name__
    return "done"


def work(connection: Connection) -> None:
    """Take the place of the decoder's own work."""
    while True:
        order = json.loads(connection.recv_bytes()[1:])
        connection.send_bytes(b"A")
        found = {name: outcome(attempt) for name, attempt in attempts(order).items()}
        found["its environment"] = " ".join(os.environ)
        found["its descriptors"] = str(
            sum(outcome(partial(os.lseek, number, 0, 1)) != "EBADF" for number in range(3, 256))
        )
        connection.send_bytes(b"P" + json.dumps(found).encode())


if __name__ == "__main__":
    decoder_child.work = work
    decoder_child.main()
