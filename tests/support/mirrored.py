"""A catalogue, turbopuffer on loopback, and what keeps the two equal."""

import asyncio
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from app.database import Database
from app.measure.turbopuffer_server import API_KEY, TurbopufferServer, serving_turbopuffer
from app.mirror import Comparison, MirrorState, MirrorSync, compare, read_state
from services.vector_mirror.turbopuffer import TurbopufferMirror
from tests.support.catalogue import Catalogue, direction

Result = TypeVar("Result")


class Mirrored:
    """A database with its mirror.

    Attributes:
        catalogue: Writes tracks.
        server: The mirror's other side.
        base: Name of the first namespace.
        database: The same database, in the loop of ``run``.
        store: The mirror.
    """

    def __init__(self, url: str, catalogue: Catalogue, server: TurbopufferServer, base: str) -> None:
        self.base = base
        self._runner = asyncio.Runner()
        self.catalogue, self.server = catalogue, server
        self.database = Database.open(url)
        self.store = TurbopufferMirror(API_KEY, region="api", base_url=server.url, max_retries=0, timeout_seconds=5)

    def run(self, work: Awaitable[Result]) -> Result:
        """What it returns."""

        async def steps() -> Result:
            return await work

        return self._runner.run(steps())

    def add(self, *titles: str, **columns: Any) -> list[int]:
        """Tracks with vectors, each in a direction of its own."""
        ids = [self.catalogue.track(title, **columns) for title in titles]
        for track in ids:
            self.catalogue.embed(track, direction(track % 100))
        return ids

    def sync(self, **options: Any) -> bool:
        """A round."""
        return self.run(MirrorSync(self.database, self.store, self.base, **options).run())

    def compare(self, **options: Any) -> Comparison:
        """The mirror with the catalogue."""
        return self.run(compare(self.database, self.store, str(self.state.namespace), **options))

    @property
    def state(self) -> MirrorState:
        """Of the mirror."""
        return self.run(read_state(self.database))

    @property
    def live(self) -> dict[int, dict[str, Any]]:
        """Documents of the namespace that serves."""
        return self.server.live(str(self.state.namespace))

    @property
    def titles(self) -> dict[int, str]:
        """Of those documents."""
        return {track: row["title"] for track, row in self.live.items()}

    def execute(self, statement: str, *parameters: object) -> None:
        """Change the catalogue."""
        self.catalogue.connection.execute(statement.encode(), parameters)

    def close(self) -> None:
        """Give everything back."""
        self.run(self.store.close())
        self.run(self.database.close())
        self._runner.close()


@contextmanager
def mirroring(url: str, catalogue: Catalogue, base: str = "plyr-tracks") -> Iterator[Mirrored]:
    """A server, and what keeps a database equal with it.

    Args:
        url: Of the database.
        catalogue: Writes to it.
        base: Name of the first namespace.
    """
    with serving_turbopuffer() as server:
        made = Mirrored(url, catalogue, server, base)
        try:
            yield made
        finally:
            made.close()
