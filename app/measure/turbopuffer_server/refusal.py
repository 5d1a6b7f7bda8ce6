"""Answers that are errors."""


class Refusal(Exception):  # noqa: N818 - an answer, not a failure of the server
    """The request is answered with an error.

    Args:
        status: HTTP status.
        reason: What the body says.
    """

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason
