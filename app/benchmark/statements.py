"""The statements of sql/queries as psycopg runs them."""

from functools import cache

from sqlalchemy.dialects.postgresql.psycopg import dialect

from app.database import load_query


@cache
def load_statement(name: str) -> bytes:
    """The statement in sql/queries/<name>.sql; its ``:name`` parameters become psycopg's ``%(name)s``."""
    compiled = load_query(name).compile(dialect=dialect())  # type: ignore[no-untyped-call]  # SQLAlchemy has no types for it
    return str(compiled).encode()
