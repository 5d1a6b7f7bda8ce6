-- A catalogue that another application made and search adopts: its tables, then its rows.
-- A catalogue as the application keeps it that search was first written for: its types, its names, what may be null,
-- and defaults that only its own code knows.

create table artists (
    did varchar not null primary key,
    handle varchar not null,
    display_name varchar not null,
    bio varchar,
    avatar_url varchar,
    pds_url varchar,
    deactivated boolean not null default false,
    account_status varchar,
    created_at timestamptz not null,
    updated_at timestamptz not null
);

create table albums (
    id varchar not null primary key,
    artist_did varchar not null references artists (did),
    slug varchar not null,
    title varchar not null,
    description varchar,
    image_id varchar,
    image_url varchar,
    thumbnail_url varchar,
    atproto_record_uri varchar,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    constraint uq_albums_artist_slug unique (artist_did, slug)
);
create index ix_albums_artist_did on albums (artist_did);

create table tracks (
    id serial primary key,
    title varchar not null,
    file_id varchar not null,
    file_type varchar not null,
    original_file_id varchar,
    created_at timestamptz not null,
    artist_did varchar not null references artists (did),
    extra jsonb not null default '{}',
    album_id varchar references albums (id),
    features jsonb not null default '[]',
    r2_url varchar,
    atproto_record_uri varchar,
    atproto_record_cid varchar,
    self_labels jsonb not null default '[]',
    operator_labels jsonb not null default '[]',
    moderation_override varchar,
    audio_storage varchar not null default 'r2',
    publish_state varchar,
    description varchar,
    play_count integer not null default 0,
    image_id varchar,
    image_url varchar,
    visibility varchar not null default 'public',
    notification_sent boolean not null default false,
    support_gate jsonb,
    space_uri varchar
);
create index ix_tracks_id on tracks (id);
create index ix_tracks_file_id on tracks (file_id);
create index ix_tracks_artist_did on tracks (artist_did);
create index ix_tracks_album_id on tracks (album_id);
create index ix_tracks_created_at on tracks (created_at);

create table tags (
    id serial primary key,
    name varchar not null,
    created_by_did varchar not null references artists (did),
    created_at timestamptz not null
);
create unique index ix_tags_name on tags (name);

create table track_tags (
    track_id integer not null references tracks (id) on delete cascade,
    tag_id integer not null references tags (id) on delete cascade,
    primary key (track_id, tag_id),
    constraint uq_track_tag unique (track_id, tag_id)
);
create index ix_track_tags_tag_id on track_tags (tag_id);
create index ix_track_tags_track_id on track_tags (track_id);

create table playlists (
    id varchar not null primary key,
    owner_did varchar not null references artists (did),
    name varchar not null,
    image_id varchar,
    image_url varchar,
    atproto_record_uri varchar unique,
    atproto_record_cid varchar,
    is_private boolean not null default false,
    items_json jsonb,
    track_count integer not null,
    show_on_profile boolean not null,
    created_at timestamptz not null,
    updated_at timestamptz not null
);
create index ix_playlists_owner_did on playlists (owner_did);

create table feature_flags (
    id serial primary key,
    user_did varchar not null references artists (did) on delete cascade,
    flag varchar(64) not null,
    created_at timestamptz not null,
    constraint uq_user_flag unique (user_did, flag)
);

create table user_preferences (
    did varchar not null primary key,
    show_sensitive_audio boolean not null default false,
    created_at timestamptz not null,
    updated_at timestamptz not null
);

create table private_media_members (
    artist_did varchar not null,
    member_did varchar not null,
    created_at timestamptz not null,
    primary key (artist_did, member_did)
);

create table track_likes (
    id serial primary key,
    track_id integer not null references tracks (id) on delete cascade,
    user_did varchar not null,
    created_at timestamptz not null
);

insert into artists (did, handle, display_name, created_at, updated_at)
values ('did:plc:anna', 'anna.example', 'Anna Vésper', '2024-01-01', '2024-01-01'),
       ('did:plc:bert', 'bert.example', 'Bert', '2024-01-01', '2024-01-01'),
       -- the application lets a handle be used again
       ('did:plc:gone', 'bert.example', 'Somebody Who Left', '2024-01-01', '2024-01-01');

insert into albums (id, artist_did, slug, title, created_at, updated_at)
values ('0b0f6f5e-1111-4aaa-9bbb-000000000001', 'did:plc:anna', 'harbours', 'Harbours', '2024-01-01', '2024-01-01'),
       ('0b0f6f5e-1111-4aaa-9bbb-000000000002', 'did:plc:bert', 'sketches', 'Private Sketches', '2024-01-01', '2024-01-01');

insert into tracks (title, file_id, file_type, created_at, artist_did, album_id, visibility, play_count, r2_url, extra)
values ('Slow Tide', 'a1b2c3d4e5f67890', 'mp3', '2024-01-01', 'did:plc:anna', '0b0f6f5e-1111-4aaa-9bbb-000000000001', 'public', 7,
        'https://audio.example/audio/a1b2c3d4e5f67890.mp3', '{"duration": 180}'),
       ('Night Ferry', 'b1b2c3d4e5f67890', 'mp3', '2024-01-01', 'did:plc:anna', '0b0f6f5e-1111-4aaa-9bbb-000000000001', 'supporters', 3,
        null, '{}'),
       ('Unfinished Secret', 'c1b2c3d4e5f67890', 'flac', '2024-01-01', 'did:plc:bert', '0b0f6f5e-1111-4aaa-9bbb-000000000002', 'private', 0,
        null, '{}'),
       ('Only By Link', 'd1b2c3d4e5f67890', 'mp3', '2024-01-01', 'did:plc:bert', null, 'unlisted', 90, null, '{}'),
       -- neither is of use to anybody, and both are there
       ('', 'e1b2c3d4e5f67890', 'mp3', '2024-01-01', 'did:plc:bert', null, 'public', 0, null, '{}'),
       ('Kept For Later', 'f1b2c3d4e5f67890', 'mp3', '2024-01-01', 'did:plc:bert', null, 'archived', 0, null, 'null');

insert into tags (name, created_by_did, created_at)
values ('Ambient', 'did:plc:anna', '2024-01-01'), ('field recording', 'did:plc:bert', '2024-01-01');
insert into track_tags (track_id, tag_id) values (1, 1), (2, 1), (3, 2);

insert into playlists (id, owner_did, name, atproto_record_uri, atproto_record_cid, track_count, show_on_profile, created_at, updated_at)
values ('7d1c0000-2222-4bbb-8ccc-000000000001', 'did:plc:bert', 'Rainy Mornings', 'at://did:plc:bert/list/1', 'cid', 2, true, '2024-01-01', '2024-01-01');
insert into feature_flags (user_did, flag, created_at) values ('did:plc:anna', 'vibe-search', '2024-01-01');
insert into track_likes (track_id, user_did, created_at) values (1, 'did:plc:bert', '2024-01-01');
