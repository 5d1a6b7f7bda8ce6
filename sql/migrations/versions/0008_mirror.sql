-- What a mirror of the vectors, such as turbopuffer, has yet to be told, and which of its namespaces are in use.

create sequence search.mirror_versions;
comment on sequence search.mirror_versions is
    'Versions of mirrored documents. A mirror takes a document only over an older one, so that no late write undoes a newer.';

create table search.mirror_namespaces (
    generation integer generated always as identity primary key,
    name text not null unique,
    model_id smallint references search.models (id) on delete set null,
    state text not null default 'filling' check (state in ('filling', 'serving', 'retired', 'dropped')),
    filled_to bigint,
    filled_tracks bigint not null default 0,
    filled boolean not null default false,
    begun_in xid8 not null default pg_current_xact_id(),
    created_at timestamptz not null default now(),
    served_at timestamptz,
    retired_at timestamptz
);
comment on table search.mirror_namespaces is
    'Namespaces of the mirror, each with the vectors of one model. One serves; one may be getting filled to take its place; retired '
    'ones are about to be dropped. While none serves or is being filled, nothing is noted in search.mirror_changes.';
comment on column search.mirror_namespaces.name is 'Never used twice, so that a late write finds no other namespace under it.';
comment on column search.mirror_namespaces.model_id is 'The model whose vectors are there; null once that model was removed.';
comment on column search.mirror_namespaces.filled_to is 'While it is filled: tracks up to this id are there.';
comment on column search.mirror_namespaces.filled_tracks is 'While it is filled: how many those are.';
comment on column search.mirror_namespaces.filled is 'Whether all tracks are there; it serves once a comparison finds no difference.';
comment on column search.mirror_namespaces.begun_in is
    'Filling begins when all transactions that could not see this row are over: they note no changes for it.';
create unique index mirror_namespaces_serving_idx on search.mirror_namespaces (state) where state = 'serving';
create unique index mirror_namespaces_filling_idx on search.mirror_namespaces (state) where state = 'filling';

create table search.mirror_changes (
    track_id bigint primary key,
    version bigint,
    changed_at timestamptz not null default clock_timestamp(),
    attempts integer not null default 0,
    refused text,
    retry_at timestamptz
);
comment on table search.mirror_changes is
    'Tracks that the mirror has to be told about, each once however often it changed. Written by triggers in the transaction of the '
    'change; a row goes when the mirror has what it says.';
comment on column search.mirror_changes.version is
    'Under which version the track is being written; null when it has changed since it was last read for that.';
comment on column search.mirror_changes.changed_at is 'Since when the mirror is behind.';
comment on column search.mirror_changes.refused is 'Why the mirror will not take this one document; the others go on.';
comment on column search.mirror_changes.retry_at is 'When a refused document is tried again.';
create index mirror_changes_changed_at_idx on search.mirror_changes (changed_at);

create table search.mirror_checks (
    id bigint generated always as identity primary key,
    checked_at timestamptz not null default now(),
    namespace text not null,
    first_id bigint,
    last_id bigint,
    compared bigint not null,
    missing bigint not null,
    extra bigint not null,
    stale bigint not null,
    wrong_vector bigint not null
);
comment on table search.mirror_checks is
    'Comparisons of the mirror with the catalogue: what they found, and how far they went. Kept for a month.';
comment on column search.mirror_checks.first_id is 'Ids above this one were compared; null from the first.';
comment on column search.mirror_checks.last_id is 'Ids up to this one were compared; null to the last.';

create table search.mirror_state (
    only_row boolean primary key default true check (only_row),
    wanted boolean not null default true,
    drained_at timestamptz,
    failure text,
    failing_since timestamptz,
    attempts integer not null default 0
);
comment on table search.mirror_state is 'One row: how the last attempt went to bring the mirror up to date.';
comment on column search.mirror_state.wanted is 'False after vibe-search mirror drop, until vibe-search mirror rebuild.';
insert into search.mirror_state default values;

-- They take the candidates of a mirror by now: beside the old ones, calls would be ambiguous.
drop function if exists search.unified(text, halfvec, text, text[], integer, double precision, double precision);
drop function if exists search.ranked_page(text, halfvec, text, text[], integer, double precision, double precision);
drop function if exists search.signals(text, halfvec, text, text[], integer, double precision, double precision);
drop function if exists search.match_sounds(halfvec, text, integer, double precision, double precision);
drop function if exists search.tracks_by_vector(halfvec, text, integer);
drop function if exists search.similar_tracks(bigint, text, integer);
drop function if exists search.nearest_tracks(halfvec, text, integer);
