"""One namespace: its documents, its schema, what may be written and asked."""

import base64
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.measure.turbopuffer_server.filters import matches, named_in
from app.measure.turbopuffer_server.refusal import Refusal

Row = dict[str, Any]

MOST_FILTERABLE_BYTES = 4096
MOST_ROWS = 10_000
_TYPES: dict[str, type | tuple[type, ...]] = {
    "string": str,
    "int": int,
    "uint": int,
    "float": (int, float),
    "bool": bool,
}


class Namespace:
    """Documents by id: attributes, and a vector under the key ``vector``."""

    def __init__(self) -> None:
        self.rows: dict[int, Row] = {}
        self.schema: dict[str, dict[str, Any]] = {}
        self.metric: str | None = None

    # --- writing

    def write(self, body: Mapping[str, Any]) -> int:
        """Do everything that a write asks for, or nothing; the number of documents that it changed.

        Raises:
            Refusal: Something in it may not be.
        """
        upserts = [*body.get("upsert_rows", ()), *_rows_of(body.get("upsert_columns"))]
        patches = [*body.get("patch_rows", ()), *_rows_of(body.get("patch_columns"))]
        deletes = list(body.get("deletes", ()))
        ids = [row.get("id") for row in (*upserts, *patches)] + deletes
        for document_id in ids:
            if not isinstance(document_id, int) or isinstance(document_id, bool) or not 0 <= document_id < 2**64:
                raise Refusal(400, f"invalid id: {document_id!r}")
        if len(set(ids)) < len(ids):
            raise Refusal(400, "duplicate document IDs")
        schema = self._extended_schema(body.get("schema", {}), upserts, patches)
        metric = body.get("distance_metric", self.metric)
        if self.metric is not None and metric != self.metric:
            raise Refusal(400, "the distance metric cannot be changed")
        checked = [self._check(row, schema) for row in upserts]
        if any("vector" not in row for row in checked) and "vector" in schema:
            raise Refusal(400, "vector is required")
        if any("vector" in row for row in patches):
            raise Refusal(400, "vector cannot be patched")
        changes = [self._check(row, schema) for row in patches]
        self.schema, self.metric = schema, metric
        return (
            self._delete_matching(body.get("delete_by_filter"))
            + self._upsert(checked, body.get("upsert_condition"))
            + self._patch(changes, body.get("patch_condition"))
            + self._delete(deletes, body.get("delete_condition"))
        )

    def _delete_matching(self, filters: Any) -> int:
        if filters is None:
            return 0
        self._require_filterable(filters)
        gone = [document_id for document_id, row in self.rows.items() if matches(filters, row)]
        for document_id in gone:
            del self.rows[document_id]
        return len(gone)

    def _upsert(self, rows: list[Row], condition: Any) -> int:
        changed = 0
        for row in rows:
            held = self.rows.get(row["id"])
            # where there is no document the condition is not asked
            if held is None or condition is None or matches(condition, held, row):
                self.rows[row["id"]] = row
                changed += 1
        return changed

    def _patch(self, rows: list[Row], condition: Any) -> int:
        changed = 0
        for row in rows:
            held = self.rows.get(row["id"])
            if held is not None and (condition is None or matches(condition, held, row)):
                self.rows[row["id"]] = held | row
                changed += 1
        return changed

    def _delete(self, ids: Iterable[int], condition: Any) -> int:
        gone = [
            document_id
            for document_id in ids
            if document_id in self.rows and (condition is None or matches(condition, self.rows[document_id], {}))
        ]
        for document_id in gone:
            del self.rows[document_id]
        return len(gone)

    def _extended_schema(self, given: Mapping[str, Any], *rows: list[Row]) -> dict[str, dict[str, Any]]:
        schema = dict(self.schema)
        for name, declared in given.items():
            entry = {"type": declared} if isinstance(declared, str) else dict(declared)
            if name in schema and schema[name]["type"] != entry["type"]:
                raise Refusal(400, f"{name} is {schema[name]['type']}, not {entry['type']}")
            schema[name] = entry
        for row in (row for some in rows for row in some):
            for name, value in row.items():
                if name not in schema and value is not None:
                    schema[name] = {"type": _inferred(name, value)}
        return schema

    def _check(self, row: Row, schema: Mapping[str, Mapping[str, Any]]) -> Row:
        checked: Row = {}
        for name, value in row.items():
            if name == "vector":
                checked[name] = _vector(value, str(schema[name]["type"]))
            elif name == "id" or value is None:
                checked[name] = value
            else:
                _check_value(name, value, schema[name])
                checked[name] = value
        return checked

    # --- asking

    def query(self, body: Mapping[str, Any]) -> list[Row]:
        """The rows of an answer.

        Raises:
            Refusal: The query is none.
        """
        limit = body.get("limit", body.get("top_k"))
        if not isinstance(limit, int) or not 1 <= limit <= MOST_ROWS:
            raise Refusal(400, f"limit must be between 1 and {MOST_ROWS}")
        rows: list[Row] = list(self.rows.values())
        if body.get("filters") is not None:
            self._require_filterable(body["filters"])
            rows = [row for row in rows if matches(body["filters"], row)]
        rank = body.get("rank_by")
        if not isinstance(rank, list) or len(rank) < 2:
            raise Refusal(400, "rank_by is required")
        if rank[1] == "ANN":
            ranked = self._nearest(rows, rank[2], limit)
        elif rank[1] in {"asc", "desc"}:
            ordered = sorted(rows, key=lambda row: row[rank[0]], reverse=rank[1] == "desc")
            ranked = [(row, None) for row in ordered[:limit]]
        else:
            raise Refusal(400, f"cannot rank by {rank!r}")
        wanted, encoding = body.get("include_attributes", False), body.get("vector_encoding", "float")
        return [_shown(row, distance, wanted, encoding) for row, distance in ranked]

    def _nearest(self, rows: list[Row], vector: Any, limit: int) -> list[tuple[Row, float | None]]:
        if "vector" not in self.schema:
            raise Refusal(400, "the namespace has no vectors")
        query = _vector(vector, str(self.schema["vector"]["type"]))
        if not rows:
            return []
        matrix = np.stack([row["vector"] for row in rows])
        lengths = np.linalg.norm(matrix, axis=1) * np.linalg.norm(query)
        distances = 1 - matrix @ query / np.where(lengths == 0, 1, lengths)
        nearest = np.argsort(distances, kind="stable")[:limit]
        return [(rows[place], float(distances[place])) for place in nearest]

    def _require_filterable(self, filters: Any) -> None:
        for name in named_in(filters) - {"id"}:
            if self.schema.get(name, {}).get("filterable", True) is False:
                raise Refusal(400, f"{name} is not filterable")


def _rows_of(columns: Mapping[str, list[Any]] | None) -> Iterator[Row]:
    if columns:
        lengths = {len(values) for values in columns.values()}
        if len(lengths) != 1:
            raise Refusal(400, "columns must be of the same length")
        for place in range(lengths.pop()):
            yield {name: values[place] for name, values in columns.items()}


def _inferred(name: str, value: Any) -> str:
    if name == "vector":
        size = len(base64.b64decode(value)) // 4 if isinstance(value, str) else len(value)
        return f"[{size}]f32"
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int):
        return "int" if name != "id" else "uint"
    if isinstance(value, float):
        return "float"
    if isinstance(value, str):
        return "string"
    raise Refusal(400, f"the type of {name} is not known")


def _vector(value: Any, kind: str) -> NDArray[np.float32]:
    found = re.fullmatch(r"\[(\d+)\]f32", kind)
    if found is None:
        raise Refusal(400, f"vectors of type {kind} are not known here")
    try:
        vector = (
            np.frombuffer(base64.b64decode(value, validate=True), "<f4").astype(np.float32)
            if isinstance(value, str)
            else np.asarray(value, np.float32)
        )
    except (ValueError, TypeError) as error:
        raise Refusal(400, "invalid vector") from error
    if vector.shape != (int(found[1]),):
        raise Refusal(400, f"vector has {vector.size} dimensions, the namespace has {found[1]}")
    if not np.isfinite(vector).all():
        raise Refusal(400, "vector is not finite")
    return vector


def _check_value(name: str, value: Any, entry: Mapping[str, Any]) -> None:
    kind = str(entry["type"])
    if not isinstance(value, _TYPES.get(kind, object)) or (kind != "bool" and isinstance(value, bool)):
        raise Refusal(400, f"{name} must be {kind}")
    if entry.get("filterable", True) and isinstance(value, str) and len(value.encode()) > MOST_FILTERABLE_BYTES:
        raise Refusal(400, f"{name}: a filterable value has at most {MOST_FILTERABLE_BYTES} bytes")


def _shown(row: Row, distance: float | None, wanted: Any, encoding: str) -> Row:
    names = row.keys() if wanted is True else ["id", *(wanted or ())]
    shown = {name: row[name] for name in names if row.get(name) is not None}
    if "vector" in shown:
        vector = shown["vector"]
        shown["vector"] = (
            base64.b64encode(vector.astype("<f4").tobytes()).decode() if encoding == "base64" else vector.tolist()
        )
    return shown | ({} if distance is None else {"$dist": distance})
