-- What search does when the table playlists changes.

create or replace trigger search_insert after insert on public.playlists
referencing new table as new_rows for each statement execute function search_internal.on_playlists_changed();

create or replace trigger search_update after update on public.playlists
referencing old table as old_rows new table as new_rows for each statement execute function search_internal.on_playlists_changed();

create or replace trigger search_delete after delete on public.playlists
referencing old table as old_rows for each statement execute function search_internal.on_playlists_changed();
