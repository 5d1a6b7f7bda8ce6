"""Keeping a worker at work: a lost connection, or a heartbeat that came too late, ends procrastinate's own for good."""

import asyncio
import logging
import random
import signal
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from procrastinate import App, JobContext
from procrastinate.worker import Worker

from app.observability.log import JOB_ID
from services.audio_store import AudioMissingError
from services.metrics import JOBS_GIVEN_BACK, WORKER_RESTARTS

_log = logging.getLogger(__name__)

_FIRST_PAUSE_SECONDS = 0.5
_LONGEST_PAUSE_SECONDS = 15.0
_CHECK_SECONDS = 15.0
_SETTLED_SECONDS = 60.0
"""A worker that ran so long was no failed attempt at starting one."""

_DRAIN_ATTEMPTS = 5
"""Whoever drains a queue waits for the end: without a database there is none."""


@dataclass
class Tally:
    """How the attempts at jobs on tracks have ended in this process.

    Attributes:
        done: Those that ended well.
        failed: Those that did not; some of these jobs are tried again.
        awaiting_audio: Those that have found no audio in the store, and are tried again.
    """

    done: int = 0
    failed: int = 0
    awaiting_audio: int = 0


class Supervisor:
    """Runs workers one after the other until it is told to stop, or until no job is due.

    Each takes a new id in the database. What the one before it had begun and could not finish is given back by the task
    `retry_stalled_jobs`, since nobody's heartbeat covers it any more.

    Args:
        app: The open app.
        wait: Whether to go on when the queue is empty.
        tally: Where the ends of its jobs are counted.
        options: Passed on to each worker.
    """

    def __init__(
        self,
        app: App,
        *,
        wait: bool,
        tally: Tally | None = None,
        **options: Any,  # noqa: ANN401 - the worker's own
    ) -> None:
        self._app = app
        self._wait = wait
        self._tally = tally or Tally()
        self._options = options
        self._worker: Worker | None = None
        self._stopping = asyncio.Event()
        self._running: set[int] = set()
        self.begun = 0
        """Jobs that have begun here."""

    async def run(self) -> None:
        """Run until the end.

        Raises:
            Exception: What ends a worker again and again while a queue is drained.
        """
        self._app.perform_import_paths()  # type: ignore[no-untyped-call]  # procrastinate's own
        failures = 0
        while not self._stopping.is_set():
            started = time.monotonic()
            error = await self._run_once()
            if self._stopping.is_set() or (error is None and not self._wait):
                return
            failures = 1 if time.monotonic() - started > _SETTLED_SECONDS else failures + 1
            if error is not None and not self._wait and failures >= _DRAIN_ATTEMPTS:
                raise error
            pause = min(_LONGEST_PAUSE_SECONDS, _FIRST_PAUSE_SECONDS * 2.0 ** min(failures - 1, 10))
            pause *= random.uniform(0.5, 1)  # noqa: S311 - spreads load, guards nothing
            reason = "see above" if error is None else error
            WORKER_RESTARTS.inc()
            _log.warning("the worker has stopped (%s): another starts in %.1f s", reason, pause)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), pause)

    def stop(self) -> None:
        """Let the jobs under way finish, and end."""
        self._stopping.set()
        if self._worker is not None:
            self._worker.stop()  # type: ignore[no-untyped-call]  # as above

    async def _run_once(self) -> Exception | None:
        """Run one worker to its end; what ended it, if anything did."""
        self._running.clear()
        self._worker = Worker(
            self._app,
            wait=self._wait,
            install_signal_handlers=False,
            worker_middleware=[self._note_running],
            **self._options,
        )
        checking = asyncio.create_task(self._return_lost_jobs())
        try:
            await self._worker.run()  # type: ignore[no-untyped-call]  # as above
        except Exception as error:  # noqa: BLE001 - whatever it is, another worker is the answer; the caller tells it
            return error
        finally:
            self._worker = None
            checking.cancel()
            await asyncio.gather(checking, return_exceptions=True)
        return None

    async def _note_running(self, call_next: Callable[[], Awaitable[Any]], context: JobContext, _worker: Worker) -> Any:  # noqa: ANN401 - a job's result
        """A middleware that remembers which jobs run here, and whose lines of the log are whose."""
        job_id = context.job.id or 0
        self._running.add(job_id)
        self.begun += 1
        token = JOB_ID.set(context.job.id)
        try:
            result = await call_next()
        except AudioMissingError:
            self._tally.awaiting_audio += 1
            raise
        except Exception:
            self._tally.failed += 1
            raise
        else:
            self._tally.done += 1
            return result
        finally:
            JOB_ID.reset(token)
            self._running.discard(job_id)

    async def _return_lost_jobs(self) -> None:
        """Give back jobs that count as this worker's and that it does not run: their end could not be written down."""
        suspects: set[int] = set()
        while True:
            await asyncio.sleep(_CHECK_SECONDS)
            if self._worker is None or self._worker.worker_id is None:
                continue
            manager = self._app.job_manager
            try:
                jobs = await manager.list_jobs_async(status="doing", worker_id=self._worker.worker_id)
                idle = {job.id for job in jobs if job.id is not None and job.id not in self._running}
                for job in jobs:
                    # one that has just ended is written down a moment later: so it is seen twice
                    if job.id in idle & suspects:
                        JOBS_GIVEN_BACK.inc()
                        _log.warning("job %s was not written down as finished: it runs again", job.id)
                        await manager.retry_job(job)
                suspects = idle
            except Exception:  # noqa: BLE001 - the database is away: the next look will tell
                _log.warning("jobs that were lost could not be looked for", exc_info=True)


class Supervisors:
    """Supervisors of workers that run side by side, each for queues of its own.

    Args:
        supervisors: They have the same ``wait``.
    """

    def __init__(self, supervisors: Iterable[Supervisor]) -> None:
        self._supervisors = list(supervisors)

    async def run(self, *, wait: bool) -> None:
        """Run all of them until they are told to stop, or, without ``wait``, until no job is due in any queue.

        Raises:
            Exception: What ends a worker again and again while the queues are drained.
        """
        begun = -1
        # the jobs of one queue may make some of another queue due: so a round that finds none is the last
        while begun != (begun := sum(supervisor.begun for supervisor in self._supervisors)):
            await self._run_together()
            if wait:
                return

    def stop(self) -> None:
        """Let the jobs under way finish, and end."""
        for supervisor in self._supervisors:
            supervisor.stop()

    async def _run_together(self) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                for supervisor in self._supervisors:
                    group.create_task(supervisor.run())
        except ExceptionGroup as errors:
            # the database is away for all of them
            raise errors.exceptions[0] from errors


@contextmanager
def stopping_on_signals(supervisor: Supervisor | Supervisors) -> Iterator[None]:
    """SIGINT and SIGTERM stop the supervisors while the block runs."""
    loop = asyncio.get_running_loop()
    signals = (signal.SIGINT, signal.SIGTERM)
    for number in signals:
        loop.add_signal_handler(number, supervisor.stop)
    try:
        yield
    finally:
        for number in signals:
            loop.remove_signal_handler(number)
