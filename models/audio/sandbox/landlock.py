"""Landlock: the kernel refuses files, TCP, and contact with processes outside, whatever call is used.

https://docs.kernel.org/userspace-api/landlock.html
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct
from typing import Final

from models.audio.sandbox.kernel import call

# the same numbers on every architecture
_CREATE_RULESET: Final = 444
_RESTRICT_SELF: Final = 446
_TELL_VERSION: Final = 1

_FILE_RIGHTS: Final = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}
"""How many rights on files there are, by the version that has them; later ones have those of 5."""

_NETWORK_SINCE: Final = 4
_SCOPES_SINCE: Final = 6
_CONNECT_AND_BIND: Final = 3
_ABSTRACT_SOCKETS_AND_SIGNALS: Final = 3


def refuse_everything() -> list[str]:
    """Refuse this thread, and those that it starts, whatever Landlock can refuse.

    Returns:
        What this kernel's Landlock cannot refuse yet.

    Raises:
        OSError: There is no Landlock.
    """
    version = call(_CREATE_RULESET, 0, 0, _TELL_VERSION)
    if version < 1:
        raise OSError(errno.EOPNOTSUPP, "it is switched off")
    rights = [(1 << _FILE_RIGHTS[min(version, max(_FILE_RIGHTS))]) - 1]
    if version >= _NETWORK_SINCE:
        rights.append(_CONNECT_AND_BIND)
    if version >= _SCOPES_SINCE:
        rights.append(_ABSTRACT_SOCKETS_AND_SIGNALS)
    # struct landlock_ruleset_attr; without a rule nothing is allowed
    attributes = ctypes.create_string_buffer(struct.pack(f"{len(rights)}Q", *rights), 8 * len(rights))
    ruleset = call(_CREATE_RULESET, ctypes.addressof(attributes), len(attributes), 0)
    try:
        call(_RESTRICT_SELF, ruleset, 0)
    finally:
        os.close(ruleset)
    lacking = {"TCP": _NETWORK_SINCE, "abstract sockets and signals": _SCOPES_SINCE}
    return [what for what, since in lacking.items() if version < since]
