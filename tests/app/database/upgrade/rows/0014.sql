-- Who uploaded the audio.

insert into search.audio_uploads (file_id, file_type, artist_did) values
    (repeat('a1', 32), 'mp3', 'did:plc:anna'), (repeat('c3', 32), 'flac', 'did:plc:bert')
on conflict do nothing;
