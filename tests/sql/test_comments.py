"""Everything that is for people says what it is, and the rest is elsewhere."""

from typing import Any

import psycopg
import pytest

from tests.support.catalogue import Catalogue, direction

Connection = psycopg.Connection[Any]

_UNDESCRIBED = """
select 'function ' || p.oid::regprocedure from pg_proc p
where p.pronamespace in ('search'::regnamespace, 'search_internal'::regnamespace)
  and obj_description(p.oid, 'pg_proc') is null
union all
select c.relkind::text || ' ' || c.oid::regclass from pg_class c
where c.relnamespace = 'search'::regnamespace and c.relkind in ('r', 'p', 'v', 'm') and not c.relispartition
  and obj_description(c.oid, 'pg_class') is null
union all
select 'column ' || c.oid::regclass || '.' || a.attname from pg_class c
join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
where c.relnamespace = 'search'::regnamespace and c.relkind = 'v' and col_description(c.oid, a.attnum) is null
"""

_UNHELPFUL = """
select p.oid::regprocedure::text from pg_proc p
where p.pronamespace = 'search'::regnamespace and 'search.' || p.proname not in (select h.name from search.help() h)
union all
select c.oid::regclass::text from pg_class c
where c.relnamespace = 'search'::regnamespace and c.relkind = 'v'
  and 'search.' || c.relname not in (select h.name from search.help() h)
"""


def test_functions_views_and_tables_have_comments(connection: Connection) -> None:
    assert connection.execute(_UNDESCRIBED).fetchall() == []


def test_functions_pin_their_search_path(connection: Connection) -> None:
    unpinned = connection.execute(
        "select oid::regprocedure from pg_proc "
        "where pronamespace in ('search'::regnamespace, 'search_internal'::regnamespace) "
        "and not coalesce(array_to_string(proconfig, ' '), '') like '%search_path%' and prosqlbody is null"
    ).fetchall()
    assert unpinned == []


def test_nothing_is_in_the_way_of_people(connection: Connection) -> None:
    r"""Everything that ``\df search.*`` and ``\dv search.*`` show is in search.help()."""
    assert connection.execute(_UNHELPFUL).fetchall() == []
    helpful = connection.execute("select name, what_it_does from search.help()").fetchall()
    assert 35 < len(helpful) < 50
    assert all(text and "Example" not in text for _, text in helpful)


def test_every_example_runs(catalogue: Catalogue) -> None:
    track = catalogue.track("Rain on Tin", tags=("rain",))
    catalogue.embed(track, direction(0))
    connection = catalogue.connection
    empty = []
    for name, example in connection.execute("select name, example from search.help()").fetchall():
        with connection.transaction(force_rollback=True):
            cursor = connection.execute(str(example).encode())
            if name in {"search.unified", "search.explain", "search.track_embeddings", "search.nearest_tracks"}:
                empty += [name] * (cursor.fetchall() == [])
        assert f"{name}" in str(example)
    assert empty == []


@pytest.mark.parametrize("topic", ["catalogue", "names", "vectors", "queue"])
def test_sizes_sum_up(catalogue: Catalogue, topic: str) -> None:
    catalogue.embed(catalogue.track("Rain on Tin"), direction(0))
    catalogue.connection.execute("analyze")
    sizes = "select name, rows, heap_bytes + index_bytes, total_bytes from search.sizes where topic = %s order by name"
    *tables, summed = catalogue.connection.execute(sizes, [topic]).fetchall()
    assert summed[0] is None
    for column in (1, 2, 3):
        assert sum(int(str(table[column])) for table in tables) == summed[column]
    everything = catalogue.connection.execute("select name, total_bytes from search.sizes limit 1").fetchone()
    measured = catalogue.connection.execute(
        "select sum(pg_total_relation_size(c.oid)) from pg_class c "
        "where c.relkind = 'r' and (c.relnamespace = 'search'::regnamespace or c.relname ~ '^procrastinate_' "
        "or c.oid in ('tracks'::regclass, 'artists'::regclass, 'albums'::regclass, 'tags'::regclass, "
        "'track_tags'::regclass, 'playlists'::regclass, 'playlist_tracks'::regclass))"
    ).fetchone()
    assert everything is not None
    assert measured is not None
    assert everything == (None, measured[0])
