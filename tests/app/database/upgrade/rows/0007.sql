-- Audio that was uploaded, one file without a track.

insert into search.stored_audio (file_id, file_type, stored_at, unused_since) values
    (repeat('a1', 32), 'mp3', '2024-10-01', null),
    (repeat('c3', 32), 'flac', '2024-10-02', null),
    (repeat('99', 32), 'mp3', '2024-10-03', '2024-10-03');
