"""What the labels of a file stand for in a database."""

from collections.abc import Mapping

from app.database import Database
from app.errors import UserError
from app.measure.relevance.labels import LabelledFile, LabelledQuery
from app.search import ENTITY_TYPES

Entity = tuple[str, str]
"""Type and primary key, as text: ("track", "12")."""


async def resolve_labels(database: Database, file: LabelledFile, aliases: Mapping[str, str]) -> list[dict[Entity, int]]:
    """The graded entities of each query, in the file's order.

    A name that several entities have stands for all of them.

    Args:
        database: The database.
        file: The labels.
        aliases: Other names of labels.

    Raises:
        UserError: A label is no label, or nothing that everybody may find has it.
    """
    wanted = {
        label: _parse_label(aliases.get(label, label), file.place(query))
        for query in file.queries
        for label in query.relevant
    }
    parameters = {
        "kinds": [kind for kind, _ in wanted.values()],
        "labels": [name for _, name in wanted.values()],
    }
    keys: dict[tuple[str, str], list[str]] = {}
    for row in await database.all("find_labelled", parameters):
        keys.setdefault((row.kind, row.label), []).append(row.key)
    return [_grades(query, wanted, keys, file.place(query)) for query in file.queries]


def _parse_label(label: str, place: str) -> tuple[str, str]:
    """Kind and name of a label: ``12`` is a track."""
    kind, colon, name = label.partition(":")
    if not colon and label.isascii() and label.isdigit():
        return "track", label
    if kind not in ENTITY_TYPES or not name:
        kinds = ", ".join(f"{kind}:..." for kind in ENTITY_TYPES)
        raise UserError(f"{place}: {label!r} is no label: write the id of a track, or one of {kinds}")
    return kind, name


def _grades(
    query: LabelledQuery,
    wanted: Mapping[str, tuple[str, str]],
    keys: Mapping[tuple[str, str], list[str]],
    place: str,
) -> dict[Entity, int]:
    grades: dict[Entity, int] = {}
    for label, grade in query.relevant.items():
        kind, _ = wanted[label]
        found = keys.get(wanted[label])
        if found is None:
            raise UserError(f"{place}: {label!r} is not in the database, or not listed for everybody")
        for key in found:
            # two labels may name one entity: the higher grade holds
            grades[kind, key] = max(grade, grades.get((kind, key), 0))
    return grades
