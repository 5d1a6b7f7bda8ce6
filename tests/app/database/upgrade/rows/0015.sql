-- What a trigger could not follow.

insert into search.stale_notes (table_name, operation, error, followed, noted_at)
values ('tracks', 'UPDATE', 'deadlock detected', true, '2024-12-01');
