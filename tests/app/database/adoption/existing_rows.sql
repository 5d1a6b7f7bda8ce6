insert into artists (did, handle, display_name, created_at, updated_at)
values ('did:plc:anna', 'anna.example', 'Anna Vésper', now(), now()),
       ('did:plc:bert', 'bert.example', 'Bert', now(), now()),
       -- the application lets a handle be used again
       ('did:plc:gone', 'bert.example', 'Somebody Who Left', now(), now());

insert into albums (id, artist_did, slug, title, created_at, updated_at)
values ('0b0f6f5e-1111-4aaa-9bbb-000000000001', 'did:plc:anna', 'harbours', 'Harbours', now(), now()),
       ('0b0f6f5e-1111-4aaa-9bbb-000000000002', 'did:plc:bert', 'sketches', 'Private Sketches', now(), now());

insert into tracks (title, file_id, file_type, created_at, artist_did, album_id, visibility, play_count, r2_url, extra)
values ('Slow Tide', 'a1b2c3d4e5f67890', 'mp3', now(), 'did:plc:anna', '0b0f6f5e-1111-4aaa-9bbb-000000000001', 'public', 7,
        'https://audio.example/audio/a1b2c3d4e5f67890.mp3', '{"duration": 180}'),
       ('Night Ferry', 'b1b2c3d4e5f67890', 'mp3', now(), 'did:plc:anna', '0b0f6f5e-1111-4aaa-9bbb-000000000001', 'supporters', 3,
        null, '{}'),
       ('Unfinished Secret', 'c1b2c3d4e5f67890', 'flac', now(), 'did:plc:bert', '0b0f6f5e-1111-4aaa-9bbb-000000000002', 'private', 0,
        null, '{}'),
       ('Only By Link', 'd1b2c3d4e5f67890', 'mp3', now(), 'did:plc:bert', null, 'unlisted', 90, null, '{}'),
       -- neither is of use to anybody, and both are there
       ('', 'e1b2c3d4e5f67890', 'mp3', now(), 'did:plc:bert', null, 'public', 0, null, '{}'),
       ('Kept For Later', 'f1b2c3d4e5f67890', 'mp3', now(), 'did:plc:bert', null, 'archived', 0, null, 'null');

insert into tags (name, created_by_did, created_at)
values ('Ambient', 'did:plc:anna', now()), ('field recording', 'did:plc:bert', now());
insert into track_tags (track_id, tag_id) values (1, 1), (2, 1), (3, 2);

insert into playlists (id, owner_did, name, atproto_record_uri, atproto_record_cid, track_count, show_on_profile, created_at, updated_at)
values ('7d1c0000-2222-4bbb-8ccc-000000000001', 'did:plc:bert', 'Rainy Mornings', 'at://did:plc:bert/list/1', 'cid', 2, true, now(), now());
insert into feature_flags (user_did, flag, created_at) values ('did:plc:anna', 'vibe-search', now());
insert into track_likes (track_id, user_did, created_at) values (1, 'did:plc:bert', now());
