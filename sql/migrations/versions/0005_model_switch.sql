-- Models that are changed while serving: one serves, one may be getting ready to, the others are kept until removed.

alter table search.models
    add column candidate boolean not null default false,
    add column coverage_wanted real not null default 1 check (coverage_wanted >= 0 and coverage_wanted <= 1),
    add column requested_at timestamptz,
    add column served_at timestamptz,
    add column retired_at timestamptz,
    add constraint models_candidate_check check (not (candidate and serving));
comment on table search.models is
    'Embedding pipelines that have a store in search.embeddings. One serves; one may be the candidate to serve next, whose '
    'store is being filled; the others have retired and can be returned to.';
comment on column search.models.candidate is 'Its store is being filled; it serves as soon as enough tracks are in it.';
comment on column search.models.coverage_wanted is
    'Share of the tracks that can be embedded at all which the candidate must have before it serves.';
comment on column search.models.requested_at is 'When it became the candidate, the last time.';
comment on column search.models.served_at is 'When it began to serve, the last time.';
comment on column search.models.retired_at is 'When another took its place, the last time; null while it serves.';
create unique index models_candidate_idx on search.models (candidate) where candidate;
update search.models set served_at = created_at where serving;

-- two models may fail at one track, each in its own way
alter table search.job_failures add column model text not null default '';
comment on column search.job_failures.model is 'Identity of the model that was to embed; empty where the task has none.';
update search.job_failures f set model = m.identity from search.models m where m.serving and f.task = 'embed_track';
alter table search.job_failures drop constraint job_failures_pkey;
alter table search.job_failures add primary key (track_id, task, model);
comment on table search.job_failures is
    'Why the last attempt of a track''s job failed, in words; removed when the job succeeds.';

drop function if exists search.enqueue_missing_embeddings();
