"""A queue of procrastinate that an application has in its database, as its own code makes and uses it."""

import asyncio

import procrastinate
import psycopg
from procrastinate.schema import SchemaManager

QUEUE = "embed"
"""A name that vibe-search's own queue has too."""


class TheirQueue:
    """The application's queue, in schema public.

    Args:
        url: Of the database, for the application's role.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._ran: list[str] = []

    def make(self) -> None:
        """Create its tables, as `procrastinate schema --apply` does."""
        with psycopg.connect(self._url, autocommit=True) as connection:
            connection.execute(SchemaManager.get_schema().encode())

    def enqueue(self, word: str) -> None:
        """Add a job of a name that vibe-search's tasks have too."""
        asyncio.run(self._enqueue(word))

    def work(self) -> list[str]:
        """Run their worker until no job is due; the words of the jobs that it has ever run."""
        asyncio.run(self._work())
        return self._ran

    def waiting(self) -> list[tuple[str, int]]:
        """Status and attempts of its jobs."""
        with psycopg.connect(self._url) as connection:
            return connection.execute(
                "select status::text, attempts from public.procrastinate_jobs order by id"
            ).fetchall()

    def _app(self) -> procrastinate.App:
        app = procrastinate.App(connector=procrastinate.PsycopgConnector(conninfo=self._url))

        @app.task(name="embed_track", queue=QUEUE)
        async def run(word: str) -> None:
            self._ran.append(word)

        return app

    async def _enqueue(self, word: str) -> None:
        app = self._app()
        async with app.open_async():
            await app.configure_task("embed_track", queue=QUEUE).defer_async(word=word)

    async def _work(self) -> None:
        app = self._app()
        async with app.open_async():
            await app.run_worker_async(wait=False, install_signal_handlers=False)
