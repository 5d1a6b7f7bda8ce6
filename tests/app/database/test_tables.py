"""The tables as Python sees them are the tables that the migrations make."""

from typing import Any

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import MetaData, create_engine
from sqlalchemy.pool import NullPool

from app.database.tables import Base


def test_tables_agree_with_the_database(database: str) -> None:
    engine = create_engine(database.replace("postgresql://", "postgresql+psycopg://"), poolclass=NullPool)
    # as this connection sees them: in the first schema of its search path
    found = MetaData()
    for table in Base.metadata.tables.values():
        table.to_metadata(found, schema=None)  # type: ignore[arg-type]  # its stub lacks what its page says
    names = set(found.tables)
    with engine.connect() as connection:
        options = {"compare_type": True, "compare_server_default": False, "include_name": _only(names)}
        differences = compare_metadata(MigrationContext.configure(connection, opts=options), found)
    changes = [change for difference in differences for change in _flatten(difference)]
    # indexes and comments are the migrations' business alone
    kinds = {change[0] for change in changes} - {"remove_index", "remove_table_comment", "modify_comment"}
    assert kinds == set(), changes


def _flatten(difference: Any) -> list[Any]:
    return list(difference) if isinstance(difference, list) else [difference]


def _only(names: set[str]):  # type: ignore[no-untyped-def]  # noqa: ANN202 - Alembic's own hook, untyped
    def include(name: str | None, kind: str, _parents: object) -> bool:
        return kind != "table" or name in names

    return include
