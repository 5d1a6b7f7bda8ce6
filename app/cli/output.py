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


def hold_output() -> int | None:
    """A descriptor of standard output that stays as it is, whatever is done to the other; None where there is none."""
    try:
        return os.dup(sys.stdout.fileno())
    except (OSError, ValueError, AttributeError):
        return None


def reader_has_gone(held: int | None) -> bool:
    """Whether nothing reads standard output any more; what is left of it is dropped then.

    Args:
        held: What `hold_output` has returned.
    """
    if held is None:
        return False
    events = select.poll()
    events.register(held, 0)
    if not any(event & select.POLLERR for _, event in events.poll(0)):
        return False
    # Python writes what is left when it ends, and would complain
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
    return True


def _escape(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    units = error.object[error.start : error.end].encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[place : place + 4]}" for place in range(0, len(units), 4)), error.end
