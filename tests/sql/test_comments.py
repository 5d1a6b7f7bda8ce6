"""Everything in the schema says what it is."""

from typing import Any

import psycopg

_UNDESCRIBED = """
select 'function ' || p.oid::regprocedure from pg_proc p
where p.pronamespace = 'search'::regnamespace and obj_description(p.oid, 'pg_proc') is null
union all
select c.relkind::text || ' ' || c.oid::regclass from pg_class c
where c.relnamespace = 'search'::regnamespace and c.relkind in ('r', 'p', 'v', 'm') and not c.relispartition
  and obj_description(c.oid, 'pg_class') is null
"""


def test_functions_views_and_tables_have_comments(connection: psycopg.Connection[Any]) -> None:
    assert connection.execute(_UNDESCRIBED).fetchall() == []


def test_functions_pin_their_search_path(connection: psycopg.Connection[Any]) -> None:
    unpinned = connection.execute(
        "select oid::regprocedure from pg_proc where pronamespace = 'search'::regnamespace "
        "and not coalesce(array_to_string(proconfig, ' '), '') like '%search_path%' and prosqlbody is null"
    ).fetchall()
    assert unpinned == []
