"""What a process sends to Postgres through SQLAlchemy, and its polls for streams."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Engine, event

from services.metrics import STREAM_POLLS


@contextmanager
def statements() -> Iterator[list[str]]:
    """The statements that are sent meanwhile."""
    sent: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        sent.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(Engine, "before_cursor_execute", note)


def polls() -> float:
    """How often the tracks that streams follow were asked for."""
    return next(sample.value for metric in STREAM_POLLS.collect() for sample in metric.samples)


async def await_polls(count: int) -> None:
    """Wait until so many more polls have begun."""
    wanted = polls() + count
    while polls() < wanted:  # noqa: ASYNC110 - a counter has no event
        await asyncio.sleep(0)
