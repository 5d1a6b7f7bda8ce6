-- What search does when the table albums changes.

create or replace trigger search_insert after insert on public.albums
referencing new table as new_rows for each statement execute function search_internal.on_albums_changed();

create or replace trigger search_update after update on public.albums
referencing old table as old_rows new table as new_rows for each statement execute function search_internal.on_albums_changed();

create or replace trigger search_delete after delete on public.albums
referencing old table as old_rows for each statement execute function search_internal.on_albums_changed();

create or replace trigger search_lock_in_order before delete on public.albums
for each row execute function search_internal.on_album_deleted();
