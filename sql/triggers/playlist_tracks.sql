-- What search does when the table playlist_tracks changes.

create or replace trigger search_insert after insert on public.playlist_tracks
referencing new table as new_rows for each statement execute function search_internal.on_playlist_tracks_changed();

create or replace trigger search_update after update on public.playlist_tracks
referencing old table as old_rows new table as new_rows for each statement execute function search_internal.on_playlist_tracks_changed();

create or replace trigger search_delete after delete on public.playlist_tracks
referencing old table as old_rows for each statement execute function search_internal.on_playlist_tracks_changed();
