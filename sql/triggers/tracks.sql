-- What search does when the table tracks changes. A condition of a trigger compares the columns that the rules of an adopted
-- catalogue read, and asks no rule: an error in a rule would fail the write, and in a trigger's function it does not.

-- a trigger with transition tables may watch only one event, hence three
create or replace trigger search_insert after insert on public.tracks
referencing new table as new_rows for each statement execute function search_internal.on_tracks_changed();

create or replace trigger search_update after update on public.tracks
referencing old table as old_rows new table as new_rows for each statement execute function search_internal.on_tracks_updated();

create or replace trigger search_delete after delete on public.tracks
referencing old table as old_rows for each statement execute function search_internal.on_tracks_changed();

create or replace trigger search_count_out before delete on public.tracks
for each row execute function search_internal.on_track_deleted();

create or replace trigger discard_on_new_audio before update of file_id on public.tracks
for each row when (new.file_id is distinct from old.file_id) execute function search_internal.on_audio_replaced();

create or replace trigger audio_used_on_insert after insert on public.tracks
for each row execute function search_internal.on_audio_used();

create or replace trigger audio_used_on_new_audio after update of file_id on public.tracks
for each row when (new.file_id is distinct from old.file_id) execute function search_internal.on_audio_used();

create or replace trigger audio_unused_on_delete after delete on public.tracks
for each row execute function search_internal.on_audio_used();

create or replace trigger enqueue_on_insert after insert on public.tracks
for each row execute function search_internal.enqueue_track_jobs();

create or replace trigger enqueue_on_new_audio after update on public.tracks
for each row when ((new.file_id, rule.columns(new)) is distinct from (old.file_id, rule.columns(old)))
execute function search_internal.enqueue_track_jobs();

create or replace trigger mirror_update after update on public.tracks
for each row when ((old.title, old.artist_did, rule.columns(old)) is distinct from (new.title, new.artist_did, rule.columns(new)))
execute function search_internal.on_track_mirrored();
