"""What runs as the owner of the database takes nothing from a schema in which others may create."""

import re
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from pgvector import HalfVector

from tests.support.catalogue import Catalogue, direction

Connection = psycopg.Connection[Any]

_FUNCTIONS = """
select p.oid, p.oid::regprocedure::text as signature, n.nspname::text as schema, p.proname::text as name,
       p.prosecdef as definer, p.prosrc as source, p.prosqlbody is not null as bound,
       coalesce((select option from unnest(p.proconfig) as option where option like 'search_path=%%'), '') as path,
       array(select d.refobjid from pg_depend d
             where d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.refclassid = 'pg_proc'::regclass) as uses,
       exists (select from pg_trigger t where t.tgfoid = p.oid and not t.tgisinternal) as triggered
from pg_proc p
join pg_namespace n on n.oid = p.pronamespace
join pg_language l on l.oid = p.prolang
where n.nspname in ('search', 'search_internal', 'public') and l.lanname in ('sql', 'plpgsql')
  and not exists (select from pg_depend d where d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e')
"""

_TABLES = "artists|albums|tracks|tags|track_tags|playlists|playlist_tracks|feature_flags|procrastinate_\\w+"


@pytest.fixture
def functions(connection: Connection) -> list[Any]:
    with connection.cursor(row_factory=psycopg.rows.namedtuple_row) as cursor:
        return cursor.execute(_FUNCTIONS.replace("%%", "%")).fetchall()


def test_nothing_that_runs_as_its_owner_looks_into_public(functions: list[Any]) -> None:
    reached = {f.oid: f for f in functions if f.definer or f.triggered}
    assert len(reached) > 20
    waiting = list(reached.values())
    while waiting:
        caller = waiting.pop()
        words = set(re.findall(r"\w+", caller.source))
        for called in functions:
            if called.oid not in reached and (called.oid in caller.uses or called.name in words):
                reached[called.oid] = called
                waiting.append(called)
    assert [f.signature for f in reached.values() if not _is_safe(f)] == []


def test_no_function_of_the_search_looks_into_public(functions: list[Any]) -> None:
    """What runs as its caller is called by the application, which others must not become either."""
    assert [f.signature for f in functions if not _is_safe(f)] == []


def _is_safe(function: Any) -> bool:
    if function.path == "":
        return bool(function.bound)
    return not re.search(r"\bpublic\b|\$user", function.path) and function.path.endswith(", pg_temp")


def test_tables_are_named_with_their_schema(functions: list[Any]) -> None:
    unnamed = re.compile(rf"\b(?:from|join|insert into|update|truncate)\s+(?:{_TABLES})\b", re.IGNORECASE)
    assert [(f.signature, unnamed.findall(f.source)) for f in functions if unnamed.search(f.source)] == []


def test_only_the_owner_makes_anything_where_functions_look(connection: Connection) -> None:
    allowed = connection.execute(
        "select n.nspname, g.grantee::regrole from pg_namespace n, aclexplode(n.nspacl) g "
        "where n.nspname in ('search', 'search_internal') and g.privilege_type = 'CREATE' and g.grantee <> n.nspowner"
    ).fetchall()
    assert allowed == []


_TRAPS = r"""
do $traps$
declare
    types constant text[] := array[
        'text', 'character varying', 'bigint', 'integer', 'smallint', 'real', 'double precision', 'numeric', 'boolean',
        'jsonb', 'text[]', 'bigint[]', 'timestamptz', 'interval', 'search.tier', 'search.album_id', 'public.halfvec'];
    operators constant text[] := array[
        '=', '<>', '<', '>', '<=', '>=', '||', '+', '-', '*', '/', '@@', '~', '~~', '->', '->>', '<=>'];
    called text;
    one text;
    other text;
    arguments text;
begin
    for one, other in select a, b from unnest(types) as a, unnest(types) as b loop
        execute format($make$create function public.trap(%s, %s) returns boolean language plpgsql as
            $trap$ begin raise exception 'an operator has run as %%', current_user; end $trap$ $make$, one, other);
        foreach called in array operators loop
            begin
                execute format('create operator public.%s (function = public.trap, leftarg = %s, rightarg = %s)',
                               called, one, other);
            exception when duplicate_function then null; -- the extension's own
            end;
        end loop;
    end loop;
    for called, arguments in
        select distinct word, given
        from pg_proc p
        cross join lateral (select (regexp_matches(p.prosrc, '(\w+)\(', 'g'))[1] as word) as words
        cross join lateral (
            select t as given from unnest(types) as t
            union all select t || ', ' || u from unnest(types[1:6]) as t, unnest(types[1:6]) as u
            union all select ''
        ) as each
        where p.pronamespace::regnamespace::text in ('search', 'search_internal', 'public')
          and word in (select c.proname::text from pg_proc c where c.pronamespace = 'pg_catalog'::regnamespace
                       union values ('levenshtein'), ('similarity'), ('unaccent'), ('vector_dims'))
          and word not in ('coalesce', 'greatest', 'least', 'nullif')
    loop
        begin
            execute format($make$create function public.%I(%s) returns boolean language plpgsql as
                $trap$ begin raise exception '%s(%s) has run as %%', current_user; end $trap$ $make$,
                called, arguments, called, arguments);
        exception when duplicate_function then null; -- the extension's own
        end;
    end loop;
end;
$traps$
"""
"""Functions and operators that fit what the search calls better than Postgres's own do."""

_TRACK = "(700, 'did:plc:new', 70, 'Newest Rainfall', 'n', 'mp3')"
_DRY_TRACK = "(710, 'did:plc:new', 'Dry', 'd', 'mp3')"
_ADDED = (
    "insert into public.artists (did, handle, display_name) values ('did:plc:new', 'new.example', 'Newcomer')",
    "insert into public.albums (id, artist_did, title, slug) values (70, 'did:plc:new', 'First', 'first')",
    "insert into public.tracks (id, artist_did, album_id, title, file_id, file_type) values " + _TRACK,
    "insert into public.tags (id, name) values (70, 'rainfall')",
    "insert into public.track_tags values (700, 70)",
    "insert into public.playlists (id, owner_did, name) values (70, 'did:plc:new', 'Rains')",
    "insert into public.playlist_tracks values (70, 1, 700)",
)
_CHANGED = (
    "update public.tracks set play_count = play_count + 1 where id = 700",
    "update public.tracks set title = 'Latest Rainfall' where id = 700",
    "update public.tracks set visibility = 'private' where id = 700",
    "update public.tracks set visibility = 'public' where id = 700",
    "update public.tracks set file_id = 'other' where id = 700",
    "insert into public.tracks (id, artist_did, title, file_id, file_type) values " + _DRY_TRACK,
    "update public.tracks set id = 711 where id = 710",
    "update public.artists set handle = 'newer.example', display_name = 'Newer' where did = 'did:plc:new'",
    "update public.albums set title = 'Second' where id = 70",
    "update public.tags set name = 'downpour' where id = 70",
    "update public.playlists set name = 'Downpours' where id = 70",
)
_REMOVED = (
    "delete from public.track_tags where tag_id = 70",
    "delete from public.playlist_tracks where playlist_id = 70",
    "delete from public.tracks where artist_did = 'did:plc:new'",
    "delete from public.artists where did = 'did:plc:new'",
)
_CALLED = (
    "select * from search.unified('rain')",
    "select * from search.unified('rainn tinn')",
    "select * from search.unified('newset rainfal downpour')",
    "select * from search.unified('ai')",
    "select * from search.unified(null, {vector})",
    "select * from search.explain('rain')",
    "select * from search.complete_tag('r')",
    "select * from search.similar_tracks(1)",
    "select * from search.tracks_by_vector({vector}, candidates => array[1, 2]::bigint[], k => 1)",
    "select search.has_flag('did:plc:new', 'vibe-search')",
    "select search.request_genres(1)",
    "select * from search.track_tasks(1)",
    "select * from search.unprocessed_tracks('embed_track')",
    "select * from search.unprocessed_tracks('classify_genres')",
    "select search.enqueue_missing_embeddings(), search.enqueue_missing_genres()",
    "select search.retry_failed_jobs()",
    "select * from search.queue",
    "select * from search_internal.queue_counts()",
    "select * from search_internal.claim_track('embed_track', 'm', 1)",
    'select search_internal.store_genre_predictions(1, \'f\', \'[{{"name": "dub", "confidence": 0.9}}]\')',
    "select search_internal.add_tags(1, array['dub', 'Rain'])",
    "select * from search.processing_audit()",
    "select * from search_internal.take_unused_audio('0 s')",
    "select search_internal.fold_track_counts()",
    "select search.refresh_common_words()",
    "select search.track_count('artist', 'did:plc:new')",
    "select search_internal.draw_calibration_tracks((select id from search.models where serving), 10)",
    "select search_internal.begin_mirror_namespace('vibe')",
    "select search_internal.note_mirror_changes(array[1, 2]::bigint[])",
    "update public.tracks set title = 'Rain on Iron' where id = 1",
    "update public.artists set handle = 'another.example' where did = 'did:plc:somebody.example'",
    "select * from search_internal.mirror_documents('vibe', null, null, 10)",
    "select search_internal.mirror_serves('vibe', '1 minute')",
    "select search_internal.retire_mirror_namespaces()",
    "select * from search.recall_check(2)",
    "select search.register_model('other', 'other@1', 8)",
    "select search.request_model('other@1', 1)",
    "select * from search.model_coverage('other@1')",
    "select search.finish_switch(), search.cancel_switch()",
    "select search.serve_model('other@1')",
    "select search.cancel_jobs()",
    "select search_internal.fill_documents('track', null, 10), search_internal.fill_documents('tag', null, 10)",
    "select search_internal.fill_documents('album', null, 10), search_internal.fill_documents('playlist', null, 10)",
    "select search_internal.fill_documents('artist', null, 10)",
    "select search.rebuild_documents()",
)


@pytest.fixture
def trapped(catalogue: Catalogue) -> Iterator[Catalogue]:
    """A catalogue in a database where another role has made whatever it may."""
    for number, title in enumerate(["Rain on Tin", "Rainfall", "Summer Rain"]):
        catalogue.embed(catalogue.track(title, tags=("rain",)), direction(number, lean=0.5))
    connection = catalogue.connection
    connection.execute("create role maker")
    connection.execute("grant create, usage on schema public to maker; grant usage on schema search to maker")
    connection.execute("set role maker")
    connection.execute(_TRAPS)
    connection.execute("reset role")
    yield catalogue
    connection.execute("reset role; set search_path = public; drop owned by maker; drop role maker")


def test_what_others_make_in_public_is_not_run(trapped: Catalogue) -> None:
    connection = trapped.connection
    connection.execute("set search_path = pg_catalog")
    vector = f"'{HalfVector(direction(0)).to_text()}'::public.halfvec"
    for statement in (*_ADDED, *_CHANGED, *_CALLED, *_REMOVED):
        connection.execute(statement.format(vector=vector).encode())


def test_a_play_is_counted_without_anyones_help(catalogue: Catalogue) -> None:
    """A logarithm of bigint fits a play count better than Postgres's own, and would run as the triggers' owner."""
    connection = catalogue.connection
    track = catalogue.track("Rain on Tin")
    connection.execute("create role maker")
    connection.execute("grant create, usage on schema public to maker")
    try:
        connection.execute("set role maker")
        connection.execute("create table public.caught (role text)")
        connection.execute(
            "create function public.ln(bigint) returns double precision language sql "
            "begin atomic insert into public.caught values (current_user); select 0.0::double precision; end"
        )
        connection.execute("reset role; grant insert on public.caught to public")
        connection.execute("update tracks set play_count = 7 where id = %s", [track])
        assert connection.execute("select role from public.caught").fetchall() == []
    finally:
        connection.execute("reset role; drop owned by maker; drop role maker")
