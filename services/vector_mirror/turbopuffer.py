"""A mirror in turbopuffer, through its own client (the extra ``turbopuffer``)."""

import base64
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from typing import Any

import numpy as np
from numpy import float32
from numpy.typing import NDArray
from turbopuffer import (
    APIError,
    APIStatusError,
    AsyncTurbopuffer,
    NotFoundError,
)
from turbopuffer.lib.namespace import AsyncNamespace

from services.attempts import RETRIED
from services.vector_mirror.errors import (
    DocumentsRefusedError,
    MirrorRefusedError,
    MirrorUnavailableError,
    NamespaceMissingError,
)
from services.vector_mirror.protocol import Document, Entry, NamespaceSummary, Neighbour, Removal

WRITE_TIMEOUT_SECONDS = 60.0
"""A write of a thousand documents takes some 300 ms there; the slowest of their own figures is under a second."""

_MAX_RETRIES = 4
_LISTED = ["public", "supporters"]

_ONLY_NEWER = ("Or", (("version", "Lt", {"$ref_new": "version"}), ("version", "Eq", None)))
"""Holds for a document that is older than the new one, or that somebody else has written, without a version."""

_CONTENT_REFUSED = frozenset({400, 413, 422})
_KEY_REFUSED = frozenset({401, 403})


class TurbopufferMirror:
    """A mirror in the namespaces of one account.

    A removed document stays as an entry without content, under a newer version: turbopuffer applies a conditional
    write without asking where there is no document, so a plain deletion could be undone by a write that comes late.

    Args:
        api_key: Of the account.
        region: Of its namespaces, such as gcp-us-central1.
        base_url: Address of the API instead of that region's; may contain ``{region}``.
        timeout_seconds: How long one request may go without an answer. A search gives up earlier, by itself.
        max_retries: How often a request is repeated that may succeed then.
    """

    name = "turbopuffer"

    def __init__(
        self,
        api_key: str,
        *,
        region: str,
        base_url: str | None = None,
        timeout_seconds: float = WRITE_TIMEOUT_SECONDS,
        max_retries: int = _MAX_RETRIES,
    ) -> None:
        address = (base_url or "https://{region}.turbopuffer.com").replace("{region}", region)
        self._origin = address
        # The client refuses an address and a region at once, and takes a region from the environment if none is given:
        # so the whole address goes in as the region.
        self._make_client = partial(
            AsyncTurbopuffer,
            api_key=api_key,
            region=address,
            base_url="{region}",
            timeout=timeout_seconds,
            max_retries=max_retries,
            telemetry=False,
        )
        self._made: AsyncTurbopuffer | None = None
        self._dimensions: dict[str, int] = {}

    @property
    def _client(self) -> AsyncTurbopuffer:
        """The client, made when it is first needed: its connections belong to the event loop that it is used in."""
        if self._made is None:
            self._made = self._make_client()
        return self._made

    async def inspect(self, namespace: str) -> NamespaceSummary | None:
        """What there is; None where there is no such namespace."""
        try:
            async with self._explained():
                found = await self._client.namespace(namespace).metadata()
        except NamespaceMissingError:
            return None
        return NamespaceSummary(_dimensions(found.schema_), found.approx_row_count)

    async def create(self, namespace: str, dimensions: int) -> None:
        """Make a namespace, unless it is there.

        Raises:
            MirrorRefusedError: It is there and holds vectors of other dimensions.
        """
        held = await self.inspect(namespace)
        if held is not None and held.dimensions not in {None, dimensions}:
            raise MirrorRefusedError(
                f"TURBOPUFFER_NAMESPACE: {namespace} holds vectors of {held.dimensions} dimensions, and those of "
                f"the serving model have {dimensions}: name another namespace"
            )
        async with self._explained():
            await self._client.namespace(namespace).write(
                create_namespace=True, distance_metric="cosine_distance", schema=_schema(dimensions)
            )

    async def write(self, namespace: str, entries: Sequence[Entry]) -> None:
        """Write each entry over an older one, all or none.

        Raises:
            DocumentsRefusedError: One of them cannot be written.
            MirrorUnavailableError: It may or may not have happened.
        """
        vectors = (entry.vector for entry in entries if isinstance(entry, Document))
        dimensions = next((vector.size for vector in vectors), None) or await self._dimensions_of(namespace)
        async with self._explained(content=True):
            await self._client.namespace(namespace).write(
                upsert_rows=[_to_row(entry, dimensions) for entry in entries],
                upsert_condition=_ONLY_NEWER,
                distance_metric="cosine_distance",
                schema=_schema(dimensions),
                create_namespace=False,
            )

    async def nearest(self, namespace: str, vector: NDArray[float32], count: int, *, model: str) -> list[Neighbour]:
        """The documents of a model nearest to a vector; asked once, for whoever searches waits for no second try."""
        try:
            async with self._explained():
                answer = await (
                    self._client.with_options(max_retries=0)
                    .namespace(namespace)
                    .query(
                        rank_by=("vector", "ANN", vector.tolist()),
                        limit=count,
                        filters=("And", (("model", "Eq", model), ("visibility", "In", _LISTED))),
                        include_attributes=False,
                    )
                )
        except NamespaceMissingError:
            return []
        return [Neighbour(int(row.id), 1 - float(str(row["$dist"]))) for row in answer.rows or ()]

    async def read(self, namespace: str, *, after: int | None, count: int) -> list[Entry]:
        """The first entries whose ids follow ``after``."""
        return await self._entries(namespace, None if after is None else ("id", "Gt", after), count)

    async def find(self, namespace: str, track_ids: Sequence[int]) -> list[Entry]:
        """The entries of these tracks that are there."""
        wanted = sorted({track_id for track_id in track_ids if track_id >= 0})
        return await self._entries(namespace, ("id", "In", wanted), len(wanted)) if wanted else []

    async def forget_removals(self, namespace: str, before: datetime) -> None:
        """Forget the removals that are older."""
        try:
            async with self._explained():
                await self._client.namespace(namespace).write(
                    delete_by_filter=("removed_at", "Lt", int(before.timestamp())), create_namespace=False
                )
        except NamespaceMissingError:
            return

    async def drop(self, namespace: str) -> None:
        """Remove a namespace with everything in it, if it is there."""
        try:
            async with self._explained():
                await self._client.namespace(namespace).delete_all()
        except NamespaceMissingError:
            return

    async def close(self) -> None:
        """Close idle connections."""
        made, self._made = self._made, None
        if made is not None:
            await made.close()

    async def _dimensions_of(self, namespace: str) -> int:
        """Dimensions of a namespace's vectors, asked for once."""
        if namespace not in self._dimensions:
            held = await self.inspect(namespace)
            if held is None or held.dimensions is None:
                raise NamespaceMissingError(f"there is no namespace {namespace}")
            self._dimensions[namespace] = held.dimensions
        return self._dimensions[namespace]

    async def _entries(self, namespace: str, filters: Any, count: int) -> list[Entry]:  # noqa: ANN401 - the client's own
        named: AsyncNamespace = self._client.namespace(namespace)
        chosen = {} if filters is None else {"filters": filters}
        try:
            async with self._explained():
                answer = await named.query(
                    rank_by=("id", "asc"), limit=count, include_attributes=True, vector_encoding="base64", **chosen
                )
        except NamespaceMissingError:
            return []
        return [_from_row(row.to_dict()) for row in answer.rows or ()]

    @asynccontextmanager
    async def _explained(self, *, content: bool = False) -> AsyncIterator[None]:
        """Turn the client's errors into a mirror's; with ``content`` a refusal is one of the documents."""
        try:
            yield
        except NotFoundError as error:
            raise NamespaceMissingError(f"there is no such namespace: {_reason(error)}") from error
        except APIStatusError as error:
            status, said = error.status_code, _reason(error)
            if status in _KEY_REFUSED:
                raise MirrorRefusedError(
                    f"TURBOPUFFER_API_KEY: {self._origin} does not accept it (it answers {status}: {said}); "
                    "is it one of the account that TURBOPUFFER_REGION belongs to?"
                ) from error
            if content and status in _CONTENT_REFUSED:
                raise DocumentsRefusedError(f"turbopuffer refuses: {said} ({status})") from error
            if status in RETRIED or status == 409 or status >= 500:
                raise MirrorUnavailableError(f"turbopuffer answers {status}: {said}") from error
            raise MirrorRefusedError(f"{self._origin} answers {status}: {said}; see TURBOPUFFER_REGION") from error
        except APIError as error:
            # neither its text nor that of its cause names the host
            cause = error.__cause__ or error
            raise MirrorUnavailableError(
                f"{self._origin} cannot be reached ({str(cause) or type(cause).__name__}); see TURBOPUFFER_REGION"
            ) from error


def _schema(dimensions: int) -> dict[str, Any]:
    # what is not filtered by is not indexed, and may be longer than 4 KiB
    shown = {"type": "string", "filterable": False}
    return {
        "id": "uint",
        "vector": {"type": f"[{dimensions}]f32", "ann": True},
        "title": shown,
        "artist_handle": shown,
        "artist_did": shown,
        "visibility": {"type": "string", "filterable": True},
        "model": {"type": "string", "filterable": True},
        "version": {"type": "int", "filterable": True},
        "removed_at": {"type": "int", "filterable": True},
    }


def _dimensions(schema: Any) -> int | None:  # noqa: ANN401 - the client's own
    """Dimensions of a namespace's vectors, from a type such as ``[512]f32``."""
    vector = schema.get("vector")
    kind = getattr(vector, "type", vector)
    size = str(kind).removeprefix("[").partition("]")[0]
    return int(size) if size.isdigit() else None


def _to_row(entry: Entry, dimensions: int) -> Any:  # noqa: ANN401 - the client's own
    if isinstance(entry, Removal):
        # every document of a namespace must have a vector; this one says nothing
        nowhere = np.zeros(dimensions, float32)
        nowhere[0] = 1
        removed_at = int(entry.removed_at.timestamp())
        return {"id": entry.track_id, "vector": _encode(nowhere), "version": entry.version, "removed_at": removed_at}
    return {
        "id": entry.track_id,
        "vector": _encode(entry.vector),
        "version": entry.version,
        "title": entry.title,
        "artist_handle": entry.artist_handle,
        "artist_did": entry.artist_did,
        "visibility": entry.visibility,
        "model": entry.model,
    }


def _from_row(row: dict[str, Any]) -> Entry:
    if row.get("removed_at") is not None:
        return Removal(row["id"], row.get("version"), datetime.fromtimestamp(row["removed_at"], UTC))
    return Document(
        track_id=row["id"],
        version=row.get("version"),
        vector=_decode(row.get("vector")),
        title=row.get("title"),
        artist_handle=row.get("artist_handle"),
        artist_did=row.get("artist_did"),
        visibility=row.get("visibility"),
        model=row.get("model"),
    )


def _encode(vector: NDArray[float32]) -> str:
    """Base64 of little-endian 32-bit floats, as the client would write a list of them."""
    return base64.b64encode(vector.astype("<f4").tobytes()).decode("ascii")


def _decode(vector: str | Iterable[float] | None) -> NDArray[float32]:
    if isinstance(vector, str):
        return np.frombuffer(base64.b64decode(vector), "<f4").astype(float32)
    return np.asarray([] if vector is None else list(vector), float32)


def _reason(error: APIStatusError) -> str:
    body = error.body
    said = body.get("error") if isinstance(body, dict) else None
    return str(said or error.message)[:500]
