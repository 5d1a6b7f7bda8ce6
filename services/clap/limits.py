"""How much the service takes, and how it refuses more."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one request may ask for, and how many there may be.

    Attributes:
        max_bytes: Recordings of a request, all together, before base64.
        max_seconds: Length of a recording.
        max_batch: Texts, or recordings, in a request.
        concurrency: Requests that are worked on at the same time.
        fetch_seconds: How long fetching a recording may take.
    """

    max_bytes: int = 200_000_000
    max_seconds: float = 10_800.0
    max_batch: int = 64
    concurrency: int = 2
    fetch_seconds: float = 60.0

    @property
    def max_body_bytes(self) -> int:
        """Bytes of a request: four characters of base64 for three bytes, and room for what is around them."""
        return self.max_bytes // 3 * 4 + 65_536


class RefusedError(ValueError):
    """A request that is not answered with a vector.

    Args:
        status: HTTP status.
        message: Why, and what to do.
        field: Path of the field that is at fault, below the body.
        kind: A word for machines.
    """

    def __init__(self, status: int, message: str, *field: str | int, kind: str = "value_error") -> None:
        super().__init__(message)
        self.status = status
        self.field = field
        self.kind = kind

    @property
    def detail(self) -> list[dict[str, Any]] | str:
        """Body of the answer: of the same form as what the framework says of a wrong field."""
        if not self.field:
            return str(self)
        return [{"type": self.kind, "loc": ["body", *self.field], "msg": str(self)}]
