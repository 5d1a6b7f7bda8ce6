"""The decoder processes of a test, and other programs in their place."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import psutil

from models.audio import decoder, decoder_process

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

USUAL = "models.audio.decoder_child"
STUCK = "tests.support.stuck_decoder"
GREEDY = "tests.support.greedy_decoder"

_LONGEST_WAIT_SECONDS = 60


def running_decoders(program: str = USUAL) -> list[psutil.Process]:
    """The decoders of this process that run a program."""
    found = []
    for child in psutil.Process().children():
        try:
            if program in child.cmdline():
                found.append(child)
        except psutil.NoSuchProcess:
            pass
    return found


@contextmanager
def decoding_by(program: str) -> Iterator[None]:
    """Let another program decode, as long as the block runs; those of it that still run then are ended."""
    usual, idle = decoder_process._PROGRAM, decoder._children  # noqa: SLF001 - in the decoder's place
    decoder_process._PROGRAM, decoder._children = program, decoder._Children()  # type: ignore[misc]  # noqa: SLF001
    try:
        yield
    finally:
        decoder.end_idle_decoders()
        decoder_process._PROGRAM, decoder._children = usual, idle  # type: ignore[misc]  # noqa: SLF001 - as above
        for left in running_decoders(program):
            left.kill()


def wait_until(condition: Callable[[], bool]) -> None:
    """Look again and again; fails when it is in vain."""
    deadline = time.monotonic() + _LONGEST_WAIT_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "in vain"
        time.sleep(0.01)
