"""Whether the process can serve, looked at once for all who ask."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from psycopg.errors import OperationalError, QueryCanceled

from app.database import Database, connect, inspect_schema, prepares_in_vain
from app.errors import ConnectionsBusyError, DatabaseUnavailableError, StatementTimeoutError
from app.http.shared_results import RecentResult
from app.mirror import inspect_mirror
from app.providers import Providers
from models.audio.decoding import DecoderCrashedError, missing_protections
from models.files.known_answers import find_notice
from services.vector_mirror import MirrorError, MirrorRefusedError, MirrorUnavailableError

FRESH_SECONDS = 1.0
"""How old an answer may be: less than the time between two questions of one load balancer."""

_PATIENCE_SECONDS = 5.0
"""How long one statement may take; a new connection may take as long."""

_PREPARED_IN_VAIN = (
    "DATABASE_URL asks for prepared statements, and leads through a pooler that loses them: take prepare_threshold out"
)


@dataclass(frozen=True)
class ReadinessReport:
    """What the process needs, and what of it is missing.

    Attributes:
        ready: Whether it can serve.
        checks: What was looked at; each is ok, missing or unreachable.
        missing: What to do, a line for each thing.
    """

    ready: bool
    checks: dict[str, str]
    missing: list[str]


class Readiness:
    """Looks at everything that a search needs, in a thread and on a connection of its own.

    However many ask, there is one thread and one connection, and a look a second.

    Args:
        url: libpq URL of the database.
        providers: The models and the mirror.
        database: Where the mirror's namespaces are read.
        namespace: Name of the mirror's first namespace.
    """

    def __init__(self, url: str, providers: Providers, database: Database, namespace: str) -> None:
        self._url = url
        self._providers = providers
        self._database = database
        self._namespace = namespace
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="readiness")
        self._recent = RecentResult(self._inspect, seconds=FRESH_SECONDS)

    async def get(self) -> ReadinessReport:
        """What was found a second ago at most."""
        return await self._recent.get()

    async def close(self) -> None:
        """Look at nothing any more; a look that is under way ends in the background."""
        await self._recent.close()
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def _inspect(self) -> ReadinessReport:
        loop = asyncio.get_running_loop()
        report = await loop.run_in_executor(self._thread, inspect_readiness, self._url, self._providers)
        if not self._providers.mirror.name or report.checks["database"] != "ok":
            return report
        try:
            problem = await self._inspect_mirror()
        except DatabaseUnavailableError as error:
            lost = {"database": "missing"}
            return ReadinessReport(False, report.checks | lost, [f"Postgres is gone: {error}"])
        if problem is None:
            return replace(report, checks=report.checks | {"mirror": "ok"})
        refused = isinstance(problem, MirrorRefusedError)
        checks = report.checks | {"mirror": "missing" if refused else "unreachable"}
        return ReadinessReport(report.ready and not refused, checks, [*report.missing, str(problem)])

    async def _inspect_mirror(self) -> MirrorError | None:
        try:
            return await inspect_mirror(self._database, self._providers.mirror, self._namespace)
        except (ConnectionsBusyError, StatementTimeoutError) as error:
            return MirrorUnavailableError(f"the mirror could not be looked at: {error}")


def inspect_readiness(url: str, providers: Providers) -> ReadinessReport:
    """Look at the database, its schema and the model; blocks.

    Args:
        url: libpq URL of the database.
        providers: The models.
    """
    missing: dict[str, list[str]] = {"database": [], "migrations": [], "models": []}
    notices: list[str] = []
    try:
        with connect(url) as connection:
            limit = f"{_PATIENCE_SECONDS:g}s"
            connection.execute("select set_config('statement_timeout', %s, true)", [limit])
            schema = inspect_schema(connection)
            missing["migrations"] = schema.missing
            notices = list(schema.warnings)
            row = None
            if not missing["migrations"]:
                row = connection.execute("select identity from search.models where serving").fetchone()
        if prepares_in_vain(url):
            missing["database"].append(_PREPARED_IN_VAIN)
        if not missing["migrations"]:
            serving = None if row is None else str(row[0])
            missing["models"] = _inspect_model(providers, serving)
            notices += _find_notices(providers, serving)
        notices += _find_decoder_notices()
    except QueryCanceled:
        missing["database"].append(f"Postgres has not answered within {_PATIENCE_SECONDS:g} s")
    except (DatabaseUnavailableError, OperationalError) as error:
        missing["database"].append(f"Postgres cannot be reached: {error}")
    return ReadinessReport(
        ready=not any(missing.values()),
        checks={name: "missing" if found else "ok" for name, found in missing.items()},
        missing=[line for found in (*missing.values(), notices) for line in found],
    )


def _inspect_model(providers: Providers, serving: str | None) -> list[str]:
    """What is missing of the model that serves."""
    if serving is None:
        return ["the database serves no model: run vibe-search db migrate"]
    embedding = providers.embedding_of(serving)
    if embedding is None:
        advice = "install it with vibe-search models pull, or let another serve with vibe-search models use"
        return [f"the database serves vectors of {serving}, a model that is not known here: {advice}"]
    try:
        embedding.load()
    except Exception as error:  # noqa: BLE001 - whatever keeps a model from loading is what is missing
        return [f"{serving} cannot be loaded: {error}"]
    return []


def _find_notices(providers: Providers, serving: str | None) -> list[str]:
    """What could be better about the model that serves."""
    embedding = None if serving is None else providers.embedding_of(serving)
    notice = None if embedding is None else find_notice(embedding.card)
    return [] if notice is None else [f"{serving}: {notice}"]


def _find_decoder_notices() -> list[str]:
    """What does not protect this machine from a file that takes over its decoder."""
    try:
        return [f"audio is decoded without {name}: {reason}" for name, reason in missing_protections().items()]
    except (DecoderCrashedError, OSError) as error:
        return [f"audio cannot be decoded: {error}"]
