"""Labelled queries: what is asked, and what should be found, read from a file."""

import csv
import io
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictInt, ValidationError

from app.errors import UserError

MAX_GRADE = 10
"""The highest grade; one is worth more than two of the grade below."""

_REQUIRED_COLUMNS, _COLUMNS = {"query", "relevant"}, {"query", "relevant", "grade", "group"}


class Ranking(StrEnum):
    """What is asked to rank.

    ``sound``: the vectors alone, every track exactly. ``unified``: the search box, by name and by sound.
    """

    SOUND = "sound"
    UNIFIED = "unified"


@dataclass(frozen=True)
class LabelledQuery:
    """A text, and what it should find.

    Attributes:
        text: What is typed.
        relevant: Grade, 1 to MAX_GRADE, of each relevant entity, by its name in the file.
        group: The kind of query, by which results are summed up; empty for none.
        line: Where it begins in its file; None where that is unknown.
    """

    text: str
    relevant: dict[str, int]
    group: str = ""
    line: int | None = None


@dataclass(frozen=True)
class LabelledFile:
    """The queries of one file.

    Attributes:
        name: The file's name, for messages and tables.
        queries: At least one.
        by: The rankings that the labels are meant for.
    """

    name: str
    queries: list[LabelledQuery]
    by: tuple[Ranking, ...] = (Ranking.SOUND, Ranking.UNIFIED)

    def place(self, query: LabelledQuery) -> str:
        """Where a query stands, for messages."""
        return self.name if query.line is None else f"{self.name}, line {query.line}"


def load_labels(path: Path) -> LabelledFile:
    """The labelled queries of a .toml, .csv or .tsv file.

    Raises:
        UserError: The file cannot be read or is not as it should be; the message names the line.
    """
    readers = {".toml": _read_toml, ".csv": _read_table, ".tsv": _read_table}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise UserError(f"{path.name}: labelled queries are in a .toml, .csv or .tsv file")
    try:
        # utf-8-sig: spreadsheets put a mark at the beginning
        content = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(f"{path.name}: not UTF-8 from byte {error.start}") from error
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}") from error
    found = reader(path, content)
    if not found.queries:
        raise UserError(f"{path.name}: no query in it")
    return found


def _as_grades(value: object) -> object:
    """Grade 1 for each of a list."""
    if not isinstance(value, list):
        return value
    names = [str(name) if isinstance(name, int) and not isinstance(name, bool) else name for name in value]
    for position, name in enumerate(names):
        if not isinstance(name, str):
            raise ValueError(f"{name!r} is no id: write it in quotes, or as a whole number")  # noqa: TRY004 - for pydantic
        if name in names[:position]:
            raise ValueError(f"{name!r} is listed twice")
    return dict.fromkeys(names, 1)


class _Entry(BaseModel):
    """A query as TOML writes it."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    text: Annotated[str, Field(min_length=1)]
    relevant: Annotated[
        dict[Annotated[str, Field(min_length=1)], Annotated[StrictInt, Field(ge=1, le=MAX_GRADE)]],
        Field(min_length=1),
        BeforeValidator(_as_grades),
    ]
    group: str = ""


class _File(BaseModel):
    """A file as TOML writes it; its queries are looked at one by one, so that a message can name the line."""

    model_config = ConfigDict(extra="forbid")

    queries: list[dict[str, Any]]
    by: Annotated[list[Ranking], Field(min_length=1)] = [Ranking.SOUND, Ranking.UNIFIED]


def _read_toml(path: Path, content: str) -> LabelledFile:
    try:
        file = _File.model_validate(tomllib.loads(content))
    except tomllib.TOMLDecodeError as error:
        raise UserError(f"{path.name}: {error}") from error
    except ValidationError as error:
        raise UserError(f"{path.name}: {_first_message(error)}") from error
    headers = [
        number
        for number, line in enumerate(content.splitlines(), start=1)
        if re.match(r"\s*\[\[\s*queries\s*\]\]", line)
    ]
    # written in another way, or inside a text, the headers do not tell the lines
    lines: list[int | None] = [*headers] if len(headers) == len(file.queries) else [None] * len(file.queries)
    queries: dict[str, LabelledQuery] = {}
    for position, (values, line) in enumerate(zip(file.queries, lines, strict=True), start=1):
        place = f"{path.name}, query {position}" if line is None else f"{path.name}, line {line}"
        try:
            entry = _Entry.model_validate(values)
        except ValidationError as error:
            raise UserError(f"{place}: {_first_message(error)}") from error
        if entry.text in queries:
            raise UserError(f"{place}: {entry.text!r} is asked twice")
        queries[entry.text] = LabelledQuery(entry.text, entry.relevant, entry.group, line)
    return LabelledFile(path.name, list(queries.values()), tuple(dict.fromkeys(file.by)))


def _first_message(error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    where = ".".join(str(part) for part in first["loc"] if part != "[key]")
    return f"{where}: {first['msg'].removeprefix('Value error, ')}"


def _read_table(path: Path, content: str) -> LabelledFile:
    """A row for each relevant entity; the rows of a query need not stand together."""
    queries: dict[str, LabelledQuery] = {}
    for line, row in _rows(path, content):
        place = f"{path.name}, line {line}"
        text, relevant = row["query"], row["relevant"]
        if not text or not relevant:
            raise UserError(f"{place}: {'query' if not text else 'relevant'} is empty")
        query = queries.setdefault(text, LabelledQuery(text, {}, row.get("group", ""), line))
        if relevant in query.relevant:
            raise UserError(f"{place}: {relevant!r} is listed twice for {text!r}")
        if row.get("group", "") not in {"", query.group}:
            raise UserError(f"{place}: {text!r} is in the group {query.group!r} in line {query.line}")
        query.relevant[relevant] = _read_grade(row.get("grade", ""), place)
    return LabelledFile(path.name, list(queries.values()))


def _rows(path: Path, content: str) -> Iterator[tuple[int, dict[str, str]]]:
    dialect = csv.excel_tab if path.suffix.lower() == ".tsv" else csv.excel
    reader = csv.reader(io.StringIO(content, newline=""), dialect, strict=True)
    try:
        header = [cell.strip().lower() for cell in next(reader, [])]
        if not set(header) >= _REQUIRED_COLUMNS or not set(header) <= _COLUMNS or len(set(header)) < len(header):
            raise UserError(f"{path.name}, line 1: the columns are query, relevant and, if wanted, grade and group")
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            if len(cells) != len(header):
                raise UserError(
                    f"{path.name}, line {reader.line_num}: {len(cells)} columns, {len(header)} were expected"
                )
            yield reader.line_num, {name: cell.strip() for name, cell in zip(header, cells, strict=True)}
    except csv.Error as error:
        raise UserError(f"{path.name}, line {reader.line_num}: {error}") from error


def _read_grade(cell: str, place: str) -> int:
    if not cell:
        return 1
    if not re.fullmatch(r"[0-9]{1,3}", cell) or not 1 <= int(cell) <= MAX_GRADE:
        raise UserError(f"{place}: grade must be a whole number from 1 to {MAX_GRADE}, not {cell!r}")
    return int(cell)
