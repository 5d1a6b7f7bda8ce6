-- What the parts of a search hand to each other, counts that writers do not wait for each other to change, how common
-- words are, and what a similarity is worth.

create type search.signal as (
    kind text,
    key text,
    field text,
    place smallint,
    class smallint,
    quality real,
    popularity real,
    similarity real,
    confidence real
);
comment on type search.signal is
    'One reason to list an entity. place: twice the tier (1 exact to 6 sound), and one more for a track that is listed '
    'because of what holds it. class: better first within a place. quality: 0 to 1 within a place.';

create table search.track_count_changes (
    kind text not null,
    key text not null,
    change bigint not null
);
comment on table search.track_count_changes is
    'Changes of search.documents.track_count that are not yet in it. Two writers that count for the same tag each add '
    'a row and need not wait for each other; search.fold_track_counts() adds the rows up.';
create index track_count_changes_idx on search.track_count_changes (kind, key);
comment on column search.documents.track_count is
    'Listed tracks that the entity holds, as of the last search.fold_track_counts(); search.track_count(kind, key) is exact.';

create table search.common_words (
    word text collate "C" primary key,
    documents bigint not null
);
comment on table search.common_words is
    'About how many documents have a word, for words that many have; from the planner''s statistics by '
    'search.refresh_common_words(). Decides how a word is looked up, never what is found.';

create table search.calibrations (
    model_id smallint primary key references search.models (id) on delete cascade,
    match_slope real not null,
    match_intercept real not null,
    audibility_slope real not null,
    audibility_intercept real not null,
    tracks bigint not null,
    sampled integer not null,
    hubness real not null,
    refreshed_at timestamptz not null default now()
);
comment on table search.calibrations is
    'How similarities of a model become confidence: see docs/why/confidence.md. Refreshed by the task calibrate_sound.';
comment on column search.calibrations.match_slope is
    'Log-odds of a match for each standard deviation by which a similarity exceeds the mean over the sample.';
comment on column search.calibrations.audibility_slope is 'Log-odds that a text describes a sound, for each unit of its audibility.';
comment on column search.calibrations.tracks is 'Listed tracks with a vector when the sample was drawn.';
comment on column search.calibrations.hubness is
    'Skewness of how often each sampled track is among the 10 nearest of a fixed bank of descriptions; above 1 a few '
    'tracks stand near everything.';

create table search.calibration_tracks (
    model_id smallint not null references search.models (id) on delete cascade,
    track_id bigint not null references tracks (id) on delete cascade,
    embedding halfvec not null,
    primary key (model_id, track_id)
);
comment on table search.calibration_tracks is
    'A sample of listed tracks: a query''s similarities to them say what similarity means nothing for that query.';

-- Most tokens of a common word should be among the planner's statistics.
alter table search.documents alter column tokens set statistics 300;

-- Their results have other columns now.
drop function if exists search.unified(text, halfvec, text, text[], integer);
drop function if exists search.word_forms(text[]);
drop function if exists search.likely_forms(text[]);
