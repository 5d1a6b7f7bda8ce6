"""Letting hostile code run in the decoder's place, on this machine and on one whose kernel can do less."""

from __future__ import annotations

import errno
import io
import json
import os
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from models.audio.decoder_process import DecoderLimits, DecoderProcess
from models.audio.sandbox import call_filter
from models.audio.sandbox.system_calls import ARCHITECTURES
from tests.support.decoders import decoding_by

if TYPE_CHECKING:
    from collections.abc import Iterable

PROGRAM = "tests.support.hostile_decoder"


def break_out(folder: Path) -> tuple[dict[str, str], dict[str, str]]:
    """How each attempt of hostile code ends, and what the decoder said that does not protect from it.

    Args:
        folder: For a socket, and a program that must neither run nor be lost.
    """
    precious = folder / "precious"
    precious.touch(0o755)
    with socket.socket(socket.AF_UNIX) as unix, socket.socket(socket.AF_UNIX) as abstract, socket.socket() as tcp:
        unix.bind(str(folder / "socket"))
        abstract.bind(f"\0vibe-search-test-{os.getpid()}")
        tcp.bind(("127.0.0.1", 0))
        for listener in (unix, abstract, tcp):
            listener.listen()
        reachable = {
            "unix": unix.getsockname(),
            "abstract": abstract.getsockname()[1:].decode(),
            "tcp": tcp.getsockname()[1],
            "file": str(precious),
        }
        return _ask(reachable)


def _ask(reachable: dict[str, object]) -> tuple[dict[str, str], dict[str, str]]:
    with decoding_by(PROGRAM):
        process = DecoderProcess()
        try:
            process.order(io.BytesIO(b"a file"), DecoderLimits(), reachable)
            _, answer = process.answer()
            found: dict[str, str] = json.loads(bytes(answer))
            return found, dict(process.missing or {})
        finally:
            process.end()


def refuse_calls(numbers: Iterable[int]) -> None:
    """Make this process, and those that it starts, live with a kernel that refuses some system calls."""
    refuse = call_filter._statement(call_filter._RETURN, call_filter._FAIL | errno.EPERM)  # noqa: SLF001 - an assembler
    program = [call_filter._statement(call_filter._LOAD, call_filter._NUMBER)]  # noqa: SLF001
    for number in numbers:
        program += [call_filter._branch(call_filter._IF_EQUAL, number, 0, 1), refuse]  # noqa: SLF001
    program.append(call_filter._statement(call_filter._RETURN, call_filter._ALLOW))  # noqa: SLF001
    call_filter.install(ARCHITECTURES[os.uname().machine], b"".join(program))


if __name__ == "__main__":
    refuse_calls(json.loads(sys.argv[1]))
    sys.stdout.write(json.dumps(break_out(Path(sys.argv[2]))))
