"""Which bytes of a file a request asks for."""

import re

_RANGE = re.compile(r"bytes\s*=\s*(\d{0,18})\s*-\s*(\d{0,18})", re.IGNORECASE)


class RangeOutsideError(ValueError):
    """The range lies outside the file."""


def parse_range(header: str | None, size: int) -> tuple[int, int] | None:
    """Where the one range of a Range header begins, and where it ends, exclusively.

    Args:
        header: The value, if there is one.
        size: Of the file, in bytes.

    Returns:
        None for the whole file: also where several ranges are asked for, or nothing that can be understood. RFC 9110
        leaves it to a server to pass over such headers.

    Raises:
        RangeOutsideError: There is no such part.
    """
    asked = _RANGE.fullmatch(header.strip()) if header else None
    if asked is None or not (asked[1] or asked[2]):
        return None
    if not asked[1]:
        start, end = max(0, size - int(asked[2])), size
    else:
        start = int(asked[1])
        if asked[2] and int(asked[2]) < start:
            return None
        end = min(size, int(asked[2]) + 1) if asked[2] else size
    if start >= size:
        raise RangeOutsideError(f"the file has {size} bytes")
    return start, end
