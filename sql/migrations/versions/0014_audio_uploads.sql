-- Which artists have uploaded a file, and so have it: a track may name any file_id, and must not open another artist's private audio.

create table if not exists search.audio_uploads (
    file_id text not null,
    file_type text not null,
    artist_did text not null references public.artists (did) on update cascade on delete cascade,
    primary key (file_id, file_type, artist_did),
    foreign key (file_id, file_type) references search.stored_audio (file_id, file_type) on delete cascade
);
comment on table search.audio_uploads is
    'The artists who have uploaded a file: their tracks open it. Tracks of others do so only while no private or supporters-only track '
    'of another artist has the file.';
create index if not exists audio_uploads_artist_did_idx on search.audio_uploads (artist_did);

do $$
begin
    -- in an adopted catalogue others write tracks: there the first track with a file counts
    if to_regclass('search.vibe_search_version') is null then
        insert into search.audio_uploads (file_id, file_type, artist_did)
        select distinct a.file_id, a.file_type, t.artist_did
        from search.stored_audio a join public.tracks t on t.file_id = a.file_id
        on conflict do nothing;
    end if;
end;
$$;
