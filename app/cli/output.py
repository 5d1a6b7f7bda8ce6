"""What standard output can take: every name in any encoding, and a reader that has gone."""

import codecs
import io
import os
import select
import sys

_ESCAPE = "vibe-search-escape"
READER_GONE = 141
"""Exit status after a reader has closed the pipe: that of a program which SIGPIPE ends."""


def accept_every_name() -> None:
    r"""Write characters that the encoding lacks as ``\u266b``, which JSON understands, and never fail for one."""
    codecs.register_error(_ESCAPE, _escape)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=_ESCAPE)


def reader_has_gone() -> bool:
    """Whether nothing reads standard output any more; what is left of it is dropped then."""
    try:
        sys.stdout.flush()
        number = sys.stdout.fileno()
    except BrokenPipeError:
        _drop()
        return True
    except (OSError, ValueError):
        # it is closed, or no file
        return False
    events = select.poll()
    events.register(number, 0)
    if not any(event & select.POLLERR for _, event in events.poll(0)):
        return False
    _drop()
    return True


def _drop() -> None:
    """Python writes what is left when it ends, and would complain."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.__stdout__.fileno() if sys.__stdout__ else 1)
    os.close(nowhere)


def _escape(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    units = error.object[error.start : error.end].encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[place : place + 4]}" for place in range(0, len(units), 4)), error.end
