-- What a trigger on a table of another application could not keep equal: its write goes through, and is noted here.

create table if not exists search.stale_notes (
    id bigint generated always as identity primary key,
    table_name text not null,
    operation text not null,
    error text not null,
    followed boolean not null,
    noted_at timestamptz not null default clock_timestamp()
);
comment on table search.stale_notes is
    'Writes to an adopted catalogue that a trigger could not follow in the usual way, once for each table, operation and error. '
    'vibe-search db adopt reads the names again and empties it; the view search.stale_tables sums it up.';
comment on column search.stale_notes.table_name is 'The table of the application.';
comment on column search.stale_notes.operation is 'INSERT, UPDATE or DELETE.';
comment on column search.stale_notes.error is 'What Postgres said.';
comment on column search.stale_notes.followed is
    'Whether search read the rows again by their keys instead. If not, it hides them.';
comment on column search.stale_notes.noted_at is 'When that happened first.';
