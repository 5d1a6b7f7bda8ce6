create table if not exists search.feature_flags (
    artist_did text not null references artists (did) on update cascade on delete cascade,
    flag text not null,
    created_at timestamptz not null default now(),
    primary key (artist_did, flag)
);
comment on table search.feature_flags is 'Features switched on for one viewer, such as vibe-search, which the adopted catalogue does not have.';
