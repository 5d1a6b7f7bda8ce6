"""Parsing the files of named statements.

A statement is a block without blank lines. Its first line is its header, ``-- name: description.``; comments below it
say why. The first block of a file may be a comment that says what the file holds.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

_HEADER = re.compile(r"-- (?P<name>[a-z][a-z0-9_]*):(?P<description>.*)")
_BLOCK = re.compile(r"(?:^.*\S.*\n?)+", re.MULTILINE)


class QueryFileError(ValueError):
    """A file of statements is not in the form; the message says where, and what to change."""


class UnknownQueryError(LookupError):
    """No statement has this name; the message lists close ones."""


@dataclass(frozen=True)
class NamedQuery:
    """A statement of a file.

    Attributes:
        name: Unique over all files.
        description: What the statement does, in one line.
        statement: The SQL, with its comments and without its header.
        place: File and line of its header.
    """

    name: str
    description: str
    statement: str
    place: str


def read_queries(folder: Path) -> dict[str, NamedQuery]:
    """The statements of all .sql files of a folder, by name.

    Raises:
        QueryFileError: A statement has no name or no description, or two have the same name.
    """
    queries: dict[str, NamedQuery] = {}
    for file in sorted(folder.glob("*.sql")):
        for query in parse_queries(file.read_text(encoding="utf-8"), file.name):
            if query.name in queries:
                raise QueryFileError(f"{query.place}: {query.name} is also the name in {queries[query.name].place}")
            queries[query.name] = query
    return queries


def parse_queries(text: str, file: str) -> list[NamedQuery]:
    """The statements of one file, in their order.

    Args:
        text: What the file holds.
        file: Its name, for messages.

    Raises:
        QueryFileError: A statement has no name or no description.
    """
    queries = []
    for number, block in enumerate(_BLOCK.finditer(text)):
        lines = block[0].splitlines()
        first = text.count("\n", 0, block.start()) + 1
        if number == 0 and not _HEADER.fullmatch(lines[0]) and _is_comment(lines):
            continue  # says what the file holds
        queries.append(_parse_block(lines, file, first))
    return queries


def _parse_block(lines: Sequence[str], file: str, first: int) -> NamedQuery:
    place = f"{file}:{first}"
    header = _HEADER.fullmatch(lines[0])
    if header is None:
        raise QueryFileError(
            f"{place}: the statement has no name; begin it with a line of the form `-- name: description.`, "
            "and leave no blank line within it"
        )
    name, description = header["name"], header["description"].strip()
    if not description:
        raise QueryFileError(f"{place}: {name} has no description; write one after the colon")
    if _is_comment(lines):
        raise QueryFileError(f"{place}: {name} has no statement; leave no blank line below its header")
    for number, line in enumerate(lines[1:], first + 1):
        if _HEADER.fullmatch(line):
            raise QueryFileError(f"{file}:{number}: a header stands within {name}; put a blank line above it")
    return NamedQuery(name, description, "\n".join(lines[1:]), place)


def _is_comment(lines: Sequence[str]) -> bool:
    return all(line.startswith("--") for line in lines)


def find_query(queries: dict[str, NamedQuery], name: str) -> NamedQuery:
    """The statement of a name.

    Raises:
        UnknownQueryError: There is none.
    """
    if name in queries:
        return queries[name]
    close = get_close_matches(name, queries)
    raise UnknownQueryError(
        f"no statement in sql/queries is named {name}" + (f"; close names: {', '.join(close)}" if close else "")
    )
