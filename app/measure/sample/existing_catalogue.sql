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
