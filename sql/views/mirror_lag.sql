create or replace view search.mirror_lag as
select serving.name as namespace, m.identity as model, filling.name as filling,
       filling.filled_tracks, waiting.changes, waiting.refused,
       coalesce(clock_timestamp() - waiting.oldest, interval '0') as lag,
       s.wanted, s.drained_at, s.failure, s.failing_since,
       checked.checked_at, checked.differences
from search.mirror_state s
left join search.mirror_namespaces serving on serving.state = 'serving'
left join search.models m on m.id = serving.model_id
left join search.mirror_namespaces filling on filling.state = 'filling'
cross join (
    select count(*) as changes, count(c.refused) as refused, min(c.changed_at) filter (where c.refused is null) as oldest
    from search.mirror_changes c
) as waiting
left join lateral (
    select k.checked_at, k.missing + k.extra + k.stale + k.wrong_vector as differences
    from search.mirror_checks k where k.namespace = serving.name order by k.id desc limit 1
) as checked on true;
comment on view search.mirror_lag is
    'How far the mirror is behind: one row. Which namespace serves and which is being filled, the tracks that it has to be told about and '
    'since when, those that it refuses, the last failure, and what the last comparison found.
Example: select namespace, changes, lag, failure from search.mirror_lag';
comment on column search.mirror_lag.namespace is 'The namespace that serves; null while none does.';
comment on column search.mirror_lag.model is 'The model whose vectors it has.';
comment on column search.mirror_lag.filling is 'A namespace that is being filled.';
comment on column search.mirror_lag.filled_tracks is 'Tracks that are in it.';
comment on column search.mirror_lag.changes is 'Tracks that the mirror has to be told about.';
comment on column search.mirror_lag.refused is 'Those of them that it will not take; search.mirror_changes says why.';
comment on column search.mirror_lag.lag is 'How long the oldest of the others has waited.';
comment on column search.mirror_lag.wanted is 'False after vibe-search mirror drop.';
comment on column search.mirror_lag.drained_at is 'When the mirror was last up to date, to the minute.';
comment on column search.mirror_lag.failure is 'Why the last attempt failed; null when it did not.';
comment on column search.mirror_lag.failing_since is 'Since when all attempts have failed.';
comment on column search.mirror_lag.checked_at is 'When it was last compared with the catalogue.';
comment on column search.mirror_lag.differences is 'How many differences that comparison found.';
