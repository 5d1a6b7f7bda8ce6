"""Asking a service again when it has not answered, as long as there is time."""

from collections.abc import Callable

from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_before_delay, wait_exponential_jitter

RETRIED = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Statuses after which the same request may succeed."""


_PAUSE_SECONDS = 0.2
"""The first pause between two attempts, before chance adds as much again; each further one is twice as long."""


class TryAgainError(RuntimeError):
    """A failure that may be over at the next attempt.

    Args:
        message: What happened.
        after: Seconds that the service asks to be left alone for.
    """

    def __init__(self, message: str, after: float = 0.0) -> None:
        super().__init__(message)
        self.after = after


def attempts_within(seconds: float) -> Retrying:
    """Calls a function again after each TryAgainError, with growing pauses; raises the last when time is over."""
    return Retrying(
        retry=retry_if_exception_type(TryAgainError),
        wait=_wait(wait_exponential_jitter(multiplier=_PAUSE_SECONDS, max=10.0, jitter=_PAUSE_SECONDS)),
        stop=stop_before_delay(seconds),
        reraise=True,
    )


def read_retry_after(value: str | None) -> float:
    """Seconds of the header, where it gives seconds; a date is left to the pauses."""
    try:
        return max(0.0, float(value or 0))
    except ValueError:
        return 0.0


def _wait(backoff: Callable[[RetryCallState], float]) -> Callable[[RetryCallState], float]:
    """The backoff, or longer where the service says so."""

    def seconds(state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome is not None else None
        return max(backoff(state), error.after if isinstance(error, TryAgainError) else 0.0)

    return seconds
