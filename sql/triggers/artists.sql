-- What search does when the table artists changes.

create or replace trigger search_insert after insert on public.artists
referencing new table as new_rows for each statement execute function search_internal.on_artists_changed();

create or replace trigger search_update after update on public.artists
referencing old table as old_rows new table as new_rows for each statement execute function search_internal.on_artists_changed();

create or replace trigger search_delete after delete on public.artists
referencing old table as old_rows for each statement execute function search_internal.on_artists_changed();

create or replace trigger mirror_update after update on public.artists
for each row when (old.handle is distinct from new.handle) execute function search_internal.on_artist_mirrored();
