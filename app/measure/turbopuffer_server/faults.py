"""Ways in which the server misbehaves."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Fault:
    """What happens to one request.

    Attributes:
        kind: status: it is answered with that; reset: the connection breaks; silence: no answer comes, until the client
            gives up; delay: the connection breaks and a write is kept for TurbopufferServer.apply_delayed;
            duplicate: a write happens twice; hold: it waits for TurbopufferServer.release before it happens.
        after: Whether a write has happened when it goes wrong.
        status: For the kind status.
        retry_after: Seconds in the header of the same name.
        only: The kind of request that it waits for; others pass.
    """

    kind: Literal["status", "reset", "silence", "delay", "duplicate", "hold"]
    after: bool = False
    status: int = 500
    retry_after: float | None = None
    only: Literal["write", "query", "any"] = "any"
