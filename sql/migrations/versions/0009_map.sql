-- A picture of the catalogue: what sounds alike lies together.

create table search.map_points (
    track_id bigint primary key references public.tracks (id) on delete cascade,
    x real not null check (x between 0 and 1),
    y real not null check (y between 0 and 1)
);
comment on table search.map_points is
    'Where tracks lie on the map of the library. Drawn by the task draw_map; a track that came since has no place yet.';

create table search.map_state (
    only_row boolean primary key default true check (only_row),
    model_id smallint references search.models (id) on delete set null,
    tracks bigint not null,
    drawn_at timestamptz not null default now()
);
comment on table search.map_state is 'What the map was drawn from, the last time: one row, or none before the first.';
