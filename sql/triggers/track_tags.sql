-- What search does when the table track_tags changes.

create or replace trigger search_insert after insert on public.track_tags
referencing new table as new_rows for each statement execute function search_internal.on_track_tags_changed();

create or replace trigger search_update after update on public.track_tags
referencing old table as old_rows new table as new_rows for each statement execute function search_internal.on_track_tags_changed();

create or replace trigger search_delete after delete on public.track_tags
referencing old table as old_rows for each statement execute function search_internal.on_track_tags_changed();
