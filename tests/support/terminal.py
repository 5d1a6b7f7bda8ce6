"""The command with a terminal as its standard error."""

import fcntl
import os
import re
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Self

_PROGRAM = "from app.cli.vibe_search import main; main()"
_CONTROLS = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\r")


class TerminalRun:
    """A command that runs.

    Args:
        process: The command.
        terminal: The other end of its standard error.
    """

    def __init__(self, process: "subprocess.Popen[str]", terminal: int) -> None:
        self._process = process
        self._terminal = terminal
        self.shown = ""
        """What it has written to the terminal so far, without colours and movements."""

    @classmethod
    @contextmanager
    def of(cls, *arguments: str, environment: Mapping[str, str], columns: int = 100) -> Iterator[Self]:
        """Run `vibe-search` with these arguments while the block runs.

        Args:
            arguments: What follows the program's name.
            environment: The whole environment.
            columns: Width of the terminal.
        """
        ours, theirs = os.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        kept = {name: value for name, value in environment.items() if name not in {"COLUMNS", "NO_COLOR"}}
        with subprocess.Popen(
            [sys.executable, "-c", _PROGRAM, *arguments],
            env=kept | {"TERM": "xterm-256color"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=theirs,
            text=True,
        ) as process:
            os.close(theirs)
            try:
                yield cls(process, ours)
            finally:
                process.kill()
                os.close(ours)

    def read_until(self, words: str) -> None:
        """Read the terminal until it has shown some words; fails when the command ends without them."""
        while words not in self.shown:
            assert self._read(), f"{words!r} was not shown: {self.shown}"

    def finish(self) -> tuple[int, str]:
        """Read to the end; its status, and its standard output."""
        while self._read():
            pass
        assert self._process.stdout is not None
        output = self._process.stdout.read()
        return self._process.wait(), output

    def _read(self) -> bool:
        """Whether there was more."""
        try:
            found = os.read(self._terminal, 65_536)
        except OSError:
            # what Linux says when the other end is closed
            return False
        # what is cut in the middle of a character is a bar's, and not looked for
        self.shown += _CONTROLS.sub("", found.decode(errors="replace"))
        return bool(found)
