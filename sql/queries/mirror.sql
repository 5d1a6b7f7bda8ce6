-- The mirror: its namespaces, the changes that it has yet to be told, and comparisons.

-- mirror_state: The state of the mirror and its lag.
select l.* from search.mirror_lag l

-- mirror_wanted: Whether there is to be a mirror.
select wanted from search.mirror_state

-- mirror_set_wanted: Set whether there is to be a mirror.
update search.mirror_state set wanted = :wanted

-- mirror_lock: Whether this transaction alone may update the mirror, until it ends.
-- it is idle while the mirror is written to, for minutes when that is new: no time limit of the role may end it
select pg_try_advisory_xact_lock(hashtextextended('search.mirror_sync', 0))
from (select count(set_config(s.name, '0', true)) from pg_settings s
      where s.name in ('idle_in_transaction_session_timeout', 'transaction_timeout')) as unlimited

-- mirror_record_success: Record that the mirror is up to date.
-- while nothing happens, once a minute is enough
update search.mirror_state set drained_at = now(), failure = null, failing_since = null, attempts = 0
where :moved or failure is not null or drained_at is null or drained_at < now() - interval '1 minute'

-- mirror_record_failure: Record why the mirror could not be brought up to date.
update search.mirror_state
set failure = :failure, failing_since = coalesce(failing_since, now()), attempts = attempts + 1

-- mirror_namespaces: The namespaces that are in use or to be dropped, each with whether its filling may begin.
select n.generation, n.name, n.state, m.identity, m.dimensions, coalesce(m.serving, false) as of_serving_model,
       n.filled_to, n.filled_tracks, n.filled, n.begun_in < pg_snapshot_xmin(pg_current_snapshot()) as may_fill
from search.mirror_namespaces n
left join search.models m on m.id = n.model_id
where n.state <> 'dropped'
order by n.generation

-- mirror_begin_namespace: Begin a namespace for the serving model; its name, or null when one is being filled already.
select search_internal.begin_mirror_namespace(:base) as name

-- mirror_record_filling: Record how far the filling of a namespace is.
update search.mirror_namespaces
set filled_to = :filled_to, filled_tracks = filled_tracks + :written, filled = :filled
where generation = :generation and state = 'filling'

-- mirror_serve_namespace: Let a filled namespace serve, in place of the one that does.
select search_internal.serve_mirror_namespace(:generation) as served

-- mirror_retire_namespace: Retire a namespace, so that it is dropped.
update search.mirror_namespaces set state = 'retired', retired_at = now()
where generation = :generation and state in ('filling', 'serving')

-- mirror_retire_namespaces: Retire every namespace, and forget the changes.
select search_internal.retire_mirror_namespaces()

-- mirror_record_dropped: Record that a namespace is dropped.
update search.mirror_namespaces set state = 'dropped' where generation = :generation

-- mirror_dropped_namespaces: Namespaces that were dropped within a time.
select n.name from search.mirror_namespaces n where n.state = 'dropped' and n.retired_at > now() - cast(:within as interval)

-- mirror_claim_changes: Claim the oldest changes to tell the mirror about, each under a new version.
-- Rows of transactions that are under way are skipped: what they changed cannot be seen yet, and a writer must not wait for this.
-- materialized, so that the rows are locked once and the limit holds
with oldest as materialized (
    select p.track_id from search.mirror_changes p
    where p.retry_at is null or p.retry_at <= now()
    order by p.changed_at
    limit :most
    for update skip locked
)
update search.mirror_changes c
set version = nextval('search.mirror_versions')
from oldest o
where c.track_id = o.track_id
returning c.track_id, c.version

-- mirror_claimed_documents: The documents of claimed tracks that have not changed since, in a namespace.
-- One snapshot, so that a version always has the same content. A track without a vector here must not be in the mirror.
select c.track_id, c.version, public.halfvec_send(d.embedding) as embedding, d.title, d.artist_handle, d.artist_did, d.visibility, d.model
from unnest(cast(:track_ids as bigint[]), cast(:versions as bigint[])) as claimed (track_id, version)
join search.mirror_changes c on c.track_id = claimed.track_id and c.version = claimed.version
left join search_internal.mirror_documents(:namespace, :track_ids) as d on d.track_id = c.track_id
order by c.track_id

-- mirror_refuse_change: Set a change that the mirror refuses aside, for a time that grows with the attempts.
update search.mirror_changes c
set refused = :reason, attempts = c.attempts + 1,
    retry_at = now() + least(interval '1 hour', interval '30 seconds' * power(2, least(c.attempts, 20)))
where c.track_id = :track_id and c.version = :version

-- mirror_acknowledge_changes: Delete the changes that the mirror has, unless the track has changed since.
-- A locked row is skipped, so that this waits for no writer: its change is told again.
delete from search.mirror_changes c
where c.track_id in (
    select p.track_id
    from unnest(cast(:track_ids as bigint[]), cast(:versions as bigint[])) as sent (track_id, version)
    join search.mirror_changes p on p.track_id = sent.track_id and p.version = sent.version
    for update of p skip locked
)

-- mirror_pending: Which of some tracks have changes that the mirror has yet to be told.
select c.track_id from search.mirror_changes c where c.track_id = any (cast(:track_ids as bigint[]))

-- mirror_next_version: A version for what is read after this.
select nextval('search.mirror_versions')

-- mirror_last_version: The newest version that was given out.
select last_value from search.mirror_versions

-- mirror_documents: The documents that a namespace should hold: of some tracks, or the first after an id.
select d.track_id, public.halfvec_send(d.embedding) as embedding, d.title, d.artist_handle, d.artist_did, d.visibility, d.model
from search_internal.mirror_documents(:namespace, cast(:track_ids as bigint[]), cast(:after as bigint), cast(:most as integer)) as d

-- mirror_count_tracks: How many documents a mirror of the serving model should hold.
select count(*)
from search.embeddings e
join search.models m on m.id = e.model_id and m.serving
where e.listed

-- mirror_track_titles: Titles of tracks and who may find them, for a list of differences.
select t.id, t.title, t.visibility, search.is_listed(t.visibility) as listed from public.tracks t where t.id = any (cast(:track_ids as bigint[]))

-- mirror_record_check: Record what a comparison found, and delete records that are older than a month.
with expired as (
    delete from search.mirror_checks where checked_at < now() - interval '31 days'
)
insert into search.mirror_checks (namespace, first_id, last_id, compared, missing, extra, stale, wrong_vector)
values (:namespace, :first_id, :last_id, :compared, :missing, :extra, :stale, :wrong_vector)

-- mirror_last_checked: The id that the last comparison of a namespace ended at; null when it reached the end.
select k.last_id from search.mirror_checks k where k.namespace = :namespace order by k.id desc limit 1
