-- What uploads have put into the audio store: so that nothing is left there that no track uses, and nothing is removed that
-- somebody else has put there.

create table search.stored_audio (
    file_id text not null,
    file_type text not null,
    stored_at timestamptz not null default now(),
    unused_since timestamptz default now(),
    primary key (file_id, file_type)
);
comment on table search.stored_audio is
    'Audio that was uploaded, a row before its file. The task remove_unused_audio removes what no track uses; files that came into the '
    'store in another way are not here and are left alone.';
comment on column search.stored_audio.unused_since is
    'When an upload began or the last track with this audio went; null while a track uses it.';
create index stored_audio_unused_idx on search.stored_audio (unused_since) where unused_since is not null;
