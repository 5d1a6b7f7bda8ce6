-- The catalogue of every state: rows of the tables of the migration 0001, with fixed keys and times.

insert into artists (did, handle, display_name, avatar_url, created_at) values
    ('did:plc:anna', 'anna.example', 'Anna Vésper', 'https://images.example/anna.jpg', '2024-01-01'),
    ('did:plc:bert', 'bert.example', 'Bert', null, '2024-01-02'),
    ('did:plc:yuki', 'yuki.example', '坂本 ゆき', null, '2024-01-03'),
    ('did:plc:ilya', 'ilya.example', 'Илья Лес', null, '2024-01-04'),
    ('did:plc:left', 'left.example', 'Departed Quartet', null, '2024-01-05');

insert into albums (id, artist_did, title, slug, created_at) values
    (1, 'did:plc:anna', 'Harbours', 'harbours', '2024-02-01'),
    (2, 'did:plc:bert', 'Private Sketches', 'sketches', '2024-02-02'),
    (3, 'did:plc:yuki', '夜の海', 'umi', '2024-02-03'),
    (4, 'did:plc:anna', 'An Album Without Tracks', 'empty', '2024-02-04'),
    (5, 'did:plc:left', 'Farewell Suite', 'farewell', '2024-02-05');

insert into tracks (id, artist_did, album_id, title, file_id, file_type, visibility, play_count, extra, created_at) values
    (1, 'did:plc:anna', 1, 'Slow Tide', repeat('a1', 32), 'mp3', 'public', 700, '{"duration": 180}', '2024-03-01'),
    (2, 'did:plc:anna', 1, 'Night Ferry', repeat('b2', 32), 'flac', 'supporters', 30, '{}', '2024-03-02'),
    (3, 'did:plc:bert', 2, 'Unfinished Secret', repeat('c3', 32), 'flac', 'private', 0, '{}', '2024-03-03'),
    (4, 'did:plc:bert', null, 'Only By Link', repeat('d4', 32), 'mp3', 'unlisted', 90, '{}', '2024-03-04'),
    (5, 'did:plc:yuki', 3, '波の音', repeat('e5', 32), 'opus', 'public', 12, '{}', '2024-03-05'),
    (6, 'did:plc:ilya', null, 'Зимний лес', repeat('f6', 32), 'ogg', 'public', 4, '{}', '2024-03-06'),
    (7, 'did:plc:bert', null, 'Tide and Ferry (Live at the Harbour)', repeat('a7', 32), 'mp3', 'public', 55, '{}', '2024-03-07'),
    (8, 'did:plc:bert', null, 'Don''t Stop', repeat('a8', 32), 'wav', 'public', 0, '{}', '2024-03-08'),
    -- the same recording, published by another
    (9, 'did:plc:ilya', null, 'Slow Tide', repeat('a1', 32), 'mp3', 'public', 1, '{}', '2024-03-09'),
    (10, 'did:plc:left', 5, 'Deleted With Its Artist', repeat('aa', 32), 'mp3', 'public', 8, '{}', '2024-03-10'),
    (11, 'did:plc:anna', 1, 'Deleted By Itself', repeat('ab', 32), 'mp3', 'public', 8, '{}', '2024-03-11'),
    (12, 'did:plc:anna', 1, 'Named Otherwise', repeat('ac', 32), 'mp3', 'public', 3, '{}', '2024-03-12');

insert into tags (id, name, created_at) values
    (1, 'Ambient', '2024-04-01'), (2, 'field recording', '2024-04-02'), (3, 'secret', '2024-04-03'),
    (4, 'lo-fi', '2024-04-04'), (5, 'унылое', '2024-04-05'), (6, 'farewell', '2024-04-06');
insert into track_tags (track_id, tag_id) values
    (1, 1), (2, 1), (3, 3), (5, 2), (6, 5), (7, 1), (7, 4), (10, 6), (11, 4), (12, 4);

insert into playlists (id, owner_did, name, visibility, created_at) values
    (1, 'did:plc:bert', 'Rainy Mornings', 'public', '2024-05-01'),
    (2, 'did:plc:anna', 'My Hidden List', 'private', '2024-05-02'),
    (3, 'did:plc:anna', 'Deleted List', 'public', '2024-05-03');
insert into playlist_tracks (playlist_id, position, track_id) values
    (1, 0, 1), (1, 1, 3), (1, 2, 5), (1, 3, 11), (2, 0, 7), (3, 0, 1);

insert into feature_flags (artist_did, flag, created_at) values ('did:plc:anna', 'vibe-search', '2024-06-01');

-- what the application does later
update tracks set title = 'Morning Harbour' where id = 12;
update tracks set visibility = 'private' where id = 8;
update artists set display_name = 'Bert Hollow' where did = 'did:plc:bert';
delete from playlists where id = 3;
delete from tracks where id = 11;
delete from artists where did = 'did:plc:left';

select setval(pg_get_serial_sequence(name, 'id'), 100)
from unnest(array['albums', 'tracks', 'tags', 'playlists']) as name;
