-- A mirror that serves, with a track that it has yet to be told about.

insert into search.mirror_namespaces (name, model_id, state, filled_to, filled_tracks, filled, created_at, served_at)
select 'tracks-1', id, 'serving', 12, 6, true, '2024-11-01', '2024-11-01' from search.models where serving;
insert into search.mirror_changes (track_id, version, changed_at)
values (7, nextval('search.mirror_versions'), '2024-11-02')
on conflict (track_id) do nothing;
