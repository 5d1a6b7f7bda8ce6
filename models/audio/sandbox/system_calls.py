"""Numbers of system calls, for each architecture that the filter knows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Architecture:
    """How a processor's system calls are recognised.

    Attributes:
        audit: Its AUDIT_ARCH number, of linux/audit.h.
        has_x32: Whether numbers with bit 30 set mean another table of calls.
        seccomp: Number of the call that installs a filter.
        tgkill: Number of the call that signals a thread.
        clone3: Number of the newer call that starts threads and processes.
        executable: Numbers of the calls whose third argument can make memory executable.
        allowed: Numbers of the calls that are allowed whatever their arguments.
    """

    audit: int
    has_x32: bool
    seccomp: int
    tgkill: int
    clone3: int
    executable: tuple[int, ...]
    allowed: tuple[int, ...]


_X86_64: Final = {
    "read": 0, "write": 1, "close": 3, "poll": 7, "lseek": 8, "munmap": 11, "brk": 12, "rt_sigaction": 13,
    "rt_sigprocmask": 14, "rt_sigreturn": 15, "select": 23, "sched_yield": 24, "mremap": 25, "madvise": 28,
    "nanosleep": 35, "getpid": 39, "exit": 60, "gettimeofday": 96, "getrusage": 98, "times": 100, "getuid": 102,
    "getppid": 110, "sigaltstack": 131, "gettid": 186, "time": 201, "futex": 202, "sched_getaffinity": 204,
    "restart_syscall": 219, "clock_gettime": 228, "clock_getres": 229, "clock_nanosleep": 230, "exit_group": 231,
    "pselect6": 270, "ppoll": 271, "set_robust_list": 273, "getcpu": 309, "getrandom": 318, "membarrier": 324,
    "rseq": 334,
}  # fmt: skip

_AARCH64: Final = {
    "close": 57, "lseek": 62, "read": 63, "write": 64, "pselect6": 72, "ppoll": 73, "exit": 93, "exit_group": 94,
    "futex": 98, "set_robust_list": 99, "nanosleep": 101, "clock_gettime": 113, "clock_getres": 114,
    "clock_nanosleep": 115, "sched_getaffinity": 123, "sched_yield": 124, "restart_syscall": 128, "sigaltstack": 132,
    "rt_sigaction": 134, "rt_sigprocmask": 135, "rt_sigreturn": 139, "times": 153, "getrusage": 165, "getcpu": 168,
    "gettimeofday": 169, "getpid": 172, "getppid": 173, "getuid": 174, "gettid": 178, "brk": 214, "munmap": 215,
    "mremap": 216, "madvise": 233, "getrandom": 278, "membarrier": 283, "rseq": 293,
}  # fmt: skip

ARCHITECTURES: Final = {
    "x86_64": Architecture(
        audit=0xC000003E,
        has_x32=True,
        seccomp=317,
        tgkill=234,
        clone3=435,
        executable=(9, 10),  # mmap, mprotect
        allowed=tuple(_X86_64.values()),
    ),
    "aarch64": Architecture(
        audit=0xC00000B7,
        has_x32=False,
        seccomp=277,
        tgkill=131,
        clone3=435,
        executable=(222, 226),
        allowed=tuple(_AARCH64.values()),
    ),
}
"""By `os.uname().machine`."""
