-- What a mirror of the vectors must be told. A trigger notes the track in the transaction of the change, so that nothing is
-- forgotten by a crash and nothing noted that did not happen.

create or replace function search_internal.note_mirror_changes(track_ids bigint[]) returns void
language plpgsql
set search_path = pg_catalog, search, pg_temp
set plan_cache_mode = force_generic_plan
as $$
begin
    insert into search.mirror_changes as c (track_id)
    -- in order, so that two transactions that note the same tracks wait for each other and not in a circle
    select distinct noted.id from unnest(track_ids) as noted (id) order by noted.id
    on conflict (track_id) do update
    set version = null, attempts = 0, refused = null, retry_at = null
    -- where nothing is to be changed the row is locked all the same, so that nobody reads the track before this commits
    where c.version is not null or c.refused is not null;
end;
$$;
comment on function search_internal.note_mirror_changes(bigint[]) is
    'Note that the mirror has to be told about tracks, in the caller''s transaction.';

create or replace function search_internal.mirrored_tracks(track_ids bigint[]) returns bigint[]
language sql stable
set search_path = pg_catalog, search, pg_temp
as $$
    select coalesce(array_agg(distinct e.track_id), '{}')
    from search.mirror_namespaces n
    join search.embeddings e on e.model_id = n.model_id and e.listed and e.track_id = any (track_ids)
    where n.state in ('filling', 'serving');
$$;
comment on function search_internal.mirrored_tracks(bigint[]) is 'Those of the tracks that a namespace of the mirror should have.';

create or replace function search_internal.on_embedding_mirrored() returns trigger
language plpgsql
set search_path = pg_catalog, search, pg_temp
as $$
begin
    -- as search_internal.note_mirror_changes does, in one statement: this is paid by every vector that is stored
    insert into search.mirror_changes as c (track_id)
    select coalesce(new.track_id, old.track_id)
    from search.mirror_namespaces n
    where n.model_id = coalesce(new.model_id, old.model_id) and n.state in ('filling', 'serving')
    limit 1
    on conflict (track_id) do update
    set version = null, attempts = 0, refused = null, retry_at = null
    where c.version is not null or c.refused is not null;
    return null;
end;
$$;
comment on function search_internal.on_embedding_mirrored() is 'Notes for the mirror that a track has a vector, another one, or none any more.';

create or replace function search_internal.on_track_mirrored() returns trigger
language plpgsql security definer
set search_path = pg_catalog, search, pg_temp
as $$
begin
    perform search_internal.note_mirror_changes(search_internal.mirrored_tracks(array[new.id]))
    from search.mirror_namespaces n where n.state in ('filling', 'serving') limit 1;
    return null;
end;
$$;
comment on function search_internal.on_track_mirrored() is
    'Notes for the mirror that a track is called otherwise or belongs to another. Whether it is listed comes with its vector.';
revoke execute on function search_internal.on_track_mirrored() from public;

create or replace function search_internal.on_artist_mirrored() returns trigger
language plpgsql security definer
set search_path = pg_catalog, search, pg_temp
as $$
begin
    perform search_internal.note_mirror_changes(search_internal.mirrored_tracks(array(
        select t.id from public.tracks t where t.artist_did = new.did and search.is_listed(t.visibility))))
    from search.mirror_namespaces n where n.state in ('filling', 'serving') limit 1;
    return null;
end;
$$;
comment on function search_internal.on_artist_mirrored() is 'Notes for the mirror all tracks of an artist who has another handle.';
revoke execute on function search_internal.on_artist_mirrored() from public;

-- Rows of a partition have these too, however they are written. Made where they are missing: made anew, they would wait for all
-- writers, and keep others waiting. A migration drops one that is to be another.
do $$
begin
    if not exists (select from pg_trigger g where g.tgrelid = 'search.embeddings'::regclass and g.tgname = 'mirror_insert') then
        create trigger mirror_insert after insert on search.embeddings
        for each row when (new.listed) execute function search_internal.on_embedding_mirrored();
    end if;
    if not exists (select from pg_trigger g where g.tgrelid = 'search.embeddings'::regclass and g.tgname = 'mirror_update') then
        create trigger mirror_update after update on search.embeddings
        -- the operator has its schema, which "is distinct from" cannot have: a dump of the trigger would not restore
        for each row when ((old.listed or new.listed)
            and (old.embedding operator(public.<>) new.embedding or old.listed <> new.listed))
        execute function search_internal.on_embedding_mirrored();
    end if;
    if not exists (select from pg_trigger g where g.tgrelid = 'search.embeddings'::regclass and g.tgname = 'mirror_delete') then
        create trigger mirror_delete after delete on search.embeddings
        for each row when (old.listed) execute function search_internal.on_embedding_mirrored();
    end if;
end;
$$;

create or replace function search_internal.mirror_documents(
    namespace text, track_ids bigint[] default null, after bigint default null, most integer default null
)
returns table (
    track_id bigint, embedding public.halfvec, title text, artist_handle text, artist_did text, visibility text, model text
)
language plpgsql stable rows 1000
set search_path = pg_catalog, search, pg_temp
as $$
declare
    -- two statements for the two ways of asking: one with an "or" would read everything
    wanted constant bigint[] := case when track_ids is null then array(
        select e.track_id
        from search.mirror_namespaces n
        join search.embeddings e on e.model_id = n.model_id
        where n.name = mirror_documents.namespace and e.listed
          and e.track_id > coalesce(mirror_documents.after, -9223372036854775808)
        order by e.track_id limit mirror_documents.most
    ) else track_ids end;
begin
    return query
    -- a mirror knows these two words: an unlisted track that all find is to it a public one
    select e.track_id, e.embedding, t.title::text, a.handle::text, a.did::text,
           case when t.visibility = 'supporters' then 'supporters' else 'public' end, m.identity
    from search.mirror_namespaces n
    join search.models m on m.id = n.model_id
    join search.embeddings e on e.model_id = n.model_id and e.track_id = any (wanted) and e.listed
    join public.tracks t on t.id = e.track_id
    join public.artists a on a.did = t.artist_did
    where n.name = mirror_documents.namespace
      -- a vector says so already; it is asked of the track itself because this is what leaves the database
      and search.is_listed(t.visibility)
    order by e.track_id;
end;
$$;
comment on function search_internal.mirror_documents(text, bigint[], bigint, integer) is
    'What a namespace of the mirror should hold: listed tracks with a vector in its model, by id, of some tracks or after an id.';

create or replace function search_internal.mirror_serves(namespace text, max_lag interval) returns boolean
language sql stable parallel safe
set search_path = pg_catalog, search, pg_temp
as $$
    select exists (
        select from search.mirror_namespaces n
        join search.models m on m.id = n.model_id and m.serving
        where n.name = mirror_serves.namespace and n.state = 'serving'
    ) and not exists (
        select from search.mirror_changes c
        -- a refused document is read from here for as long as it is not there
        where c.refused is null and c.changed_at < now() - max_lag
    );
$$;
comment on function search_internal.mirror_serves(text, interval) is
    'Whether candidates from a namespace may be used: it has the model that serves, and is not further behind than that.';

create or replace function search_internal.unmirrored_tracks() returns bigint[]
language sql stable parallel safe
set search_path = pg_catalog, search, pg_temp
as $$
    select array(select c.track_id from search.mirror_changes c order by c.changed_at limit 1000);
$$;
comment on function search_internal.unmirrored_tracks() is
    'Tracks that have changed and that the mirror has not been told about, at most 1,000: candidates beside those of the mirror, so '
    'that a search finds what has just been written.';

create or replace function search_internal.raise_mirror_version(least_version bigint) returns void
language sql
set search_path = pg_catalog, search, pg_temp
as $$
    select setval('search.mirror_versions', greatest(least_version, nextval('search.mirror_versions')));
$$;
comment on function search_internal.raise_mirror_version(bigint) is
    'Let versions go on above one that a mirror has: a database that was restored counts from where its backup was.';
