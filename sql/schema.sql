-- What the migrations make. Written by `make schema`; a test fails when it is stale.

--
-- PostgreSQL database dump
--

--
-- Name: search; Type: SCHEMA; Schema: -; Owner: -
--

CREATE SCHEMA search;

--
-- Name: SCHEMA search; Type: COMMENT; Schema: -; Owner: -
--

COMMENT ON SCHEMA search IS 'Search over the catalogue by name and by sound: start with search.unified(q).';

--
-- Name: search_internal; Type: SCHEMA; Schema: -; Owner: -
--

CREATE SCHEMA search_internal;

--
-- Name: SCHEMA search_internal; Type: COMMENT; Schema: -; Owner: -
--

COMMENT ON SCHEMA search_internal IS 'What the search is made of, for no one to call: search.help() says what is for people.';

--
-- Name: fuzzystrmatch; Type: EXTENSION; Schema: -; Owner: -
--

CREATE EXTENSION IF NOT EXISTS fuzzystrmatch WITH SCHEMA public;

--
-- Name: EXTENSION fuzzystrmatch; Type: COMMENT; Schema: -; Owner: -
--

COMMENT ON EXTENSION fuzzystrmatch IS 'determine similarities and distance between strings';

--
-- Name: pg_trgm; Type: EXTENSION; Schema: -; Owner: -
--

CREATE EXTENSION IF NOT EXISTS pg_trgm WITH SCHEMA public;

--
-- Name: EXTENSION pg_trgm; Type: COMMENT; Schema: -; Owner: -
--

COMMENT ON EXTENSION pg_trgm IS 'text similarity measurement and index searching based on trigrams';

--
-- Name: unaccent; Type: EXTENSION; Schema: -; Owner: -
--

CREATE EXTENSION IF NOT EXISTS unaccent WITH SCHEMA public;

--
-- Name: EXTENSION unaccent; Type: COMMENT; Schema: -; Owner: -
--

COMMENT ON EXTENSION unaccent IS 'text search dictionary that removes accents';

--
-- Name: vector; Type: EXTENSION; Schema: -; Owner: -
--

CREATE EXTENSION IF NOT EXISTS vector WITH SCHEMA public;

--
-- Name: EXTENSION vector; Type: COMMENT; Schema: -; Owner: -
--

COMMENT ON EXTENSION vector IS 'vector data type and ivfflat and hnsw access methods';

--
-- Name: procrastinate_job_event_type; Type: TYPE; Schema: public; Owner: -
--

CREATE TYPE public.procrastinate_job_event_type AS ENUM (
    'deferred',
    'started',
    'deferred_for_retry',
    'failed',
    'succeeded',
    'cancelled',
    'abort_requested',
    'aborted',
    'scheduled',
    'retried'
);

--
-- Name: procrastinate_job_status; Type: TYPE; Schema: public; Owner: -
--

CREATE TYPE public.procrastinate_job_status AS ENUM (
    'todo',
    'doing',
    'succeeded',
    'failed',
    'cancelled',
    'aborting',
    'aborted'
);

--
-- Name: procrastinate_job_to_defer_v1; Type: TYPE; Schema: public; Owner: -
--

CREATE TYPE public.procrastinate_job_to_defer_v1 AS (
	queue_name character varying,
	task_name character varying,
	priority integer,
	lock text,
	queueing_lock text,
	args jsonb,
	scheduled_at timestamp with time zone
);

--
-- Name: album_id; Type: DOMAIN; Schema: search; Owner: -
--

CREATE DOMAIN search.album_id AS bigint;

--
-- Name: DOMAIN album_id; Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON DOMAIN search.album_id IS 'The type of albums.id: bigint, or what an adopted catalogue uses.';

--
-- Name: playlist_id; Type: DOMAIN; Schema: search; Owner: -
--

CREATE DOMAIN search.playlist_id AS bigint;

--
-- Name: DOMAIN playlist_id; Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON DOMAIN search.playlist_id IS 'The type of playlists.id: bigint, or what an adopted catalogue uses.';

--
-- Name: tier; Type: TYPE; Schema: search; Owner: -
--

CREATE TYPE search.tier AS ENUM (
    'exact',
    'prefix',
    'word_prefix',
    'substring',
    'fuzzy',
    'sound'
);

--
-- Name: TYPE tier; Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON TYPE search.tier IS 'How an entity was found, the best first: docs/why/ranking.md.';

--
-- Name: signal; Type: TYPE; Schema: search_internal; Owner: -
--

CREATE TYPE search_internal.signal AS (
	kind text,
	key text,
	field text,
	tier search.tier,
	held boolean,
	class integer,
	quality real,
	popularity real,
	similarity real,
	confidence real
);

--
-- Name: TYPE signal; Type: COMMENT; Schema: search_internal; Owner: -
--

COMMENT ON TYPE search_internal.signal IS 'One reason to list an entity; search_internal.make_signal makes one.';

--
-- Name: COLUMN signal.field; Type: COMMENT; Schema: search_internal; Owner: -
--

COMMENT ON COLUMN search_internal.signal.field IS 'What matched: a name of the entity, sound, or the kind of what holds it.';

--
-- Name: COLUMN signal.held; Type: COMMENT; Schema: search_internal; Owner: -
--

COMMENT ON COLUMN search_internal.signal.held IS 'Whether a track is listed because of what holds it; such tracks come last in the tier.';

--
-- Name: COLUMN signal.class; Type: COMMENT; Schema: search_internal; Owner: -
--

COMMENT ON COLUMN search_internal.signal.class IS 'Better first within a tier: search_internal.whole_word() and so on, or search_internal.typo_class().';

--
-- Name: COLUMN signal.quality; Type: COMMENT; Schema: search_internal; Owner: -
--

COMMENT ON COLUMN search_internal.signal.quality IS 'Relevance within the tier, 0 to 1.';

--
-- Name: COLUMN signal.popularity; Type: COMMENT; Schema: search_internal; Owner: -
--

COMMENT ON COLUMN search_internal.signal.popularity IS 'ln(1 + plays or tracks), the tie-break.';

--
-- Name: procrastinate_cancel_job_v1(bigint, boolean, boolean); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.procrastinate_cancel_job_v1(job_id bigint, abort boolean, delete_job boolean) RETURNS bigint
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    _job_id bigint;
BEGIN
    IF delete_job THEN
        DELETE FROM public.procrastinate_jobs
        WHERE id = job_id AND status = 'todo'
        RETURNING id INTO _job_id;
    END IF;
    IF _job_id IS NULL THEN
        IF abort THEN
            UPDATE public.procrastinate_jobs
            SET abort_requested = true,
                status = CASE status
                    WHEN 'todo' THEN 'cancelled'::public.procrastinate_job_status ELSE status
                END
            WHERE id = job_id AND status IN ('todo', 'doing')
            RETURNING id INTO _job_id;
        ELSE
            UPDATE public.procrastinate_jobs
            SET status = 'cancelled'::public.procrastinate_job_status
            WHERE id = job_id AND status = 'todo'
            RETURNING id INTO _job_id;
        END IF;
    END IF;
    RETURN _job_id;
END;
$$;

--
-- Name: procrastinate_defer_jobs_v1(public.procrastinate_job_to_defer_v1[]); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.procrastinate_defer_jobs_v1(jobs public.procrastinate_job_to_defer_v1[]) RETURNS bigint[]
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    job_ids bigint[];
BEGIN
    WITH inserted_jobs AS (
        INSERT INTO public.procrastinate_jobs (queue_name, task_name, priority, lock, queueing_lock, args, scheduled_at)
        SELECT (job).queue_name,
               (job).task_name,
               (job).priority,
               (job).lock,
               (job).queueing_lock,
               (job).args,
               (job).scheduled_at
        FROM unnest(jobs) AS job
        RETURNING id
    )
    SELECT array_agg(id) FROM inserted_jobs INTO job_ids;

    RETURN job_ids;
END;
$$;

--
-- Name: procrastinate_defer_periodic_job_v2(character varying, character varying, character varying, character varying, integer, character varying, bigint, jsonb); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.procrastinate_defer_periodic_job_v2(_queue_name character varying, _lock character varying, _queueing_lock character varying, _task_name character varying, _priority integer, _periodic_id character varying, _defer_timestamp bigint, _args jsonb) RETURNS bigint
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
	_job_id bigint;
	_defer_id bigint;
BEGIN
    INSERT
        INTO public.procrastinate_periodic_defers (task_name, periodic_id, defer_timestamp)
        VALUES (_task_name, _periodic_id, _defer_timestamp)
        ON CONFLICT DO NOTHING
        RETURNING id into _defer_id;

    IF _defer_id IS NULL THEN
        RETURN NULL;
    END IF;

    UPDATE public.procrastinate_periodic_defers
        SET job_id = (
            SELECT COALESCE((
                SELECT unnest(public.procrastinate_defer_jobs_v1(
                    ARRAY[
                        ROW(
                            _queue_name,
                            _task_name,
                            _priority,
                            _lock,
                            _queueing_lock,
                            _args,
                            NULL::timestamptz
                        )
                    ]::public.procrastinate_job_to_defer_v1[]
                ))
            ), NULL)
        )
        WHERE id = _defer_id
        RETURNING job_id INTO _job_id;

    DELETE
        FROM public.procrastinate_periodic_defers
        USING (
            SELECT id
            FROM public.procrastinate_periodic_defers
            WHERE public.procrastinate_periodic_defers.task_name = _task_name
            AND public.procrastinate_periodic_defers.periodic_id = _periodic_id
            AND public.procrastinate_periodic_defers.defer_timestamp < _defer_timestamp
            ORDER BY id
            FOR UPDATE
        ) to_delete
        WHERE public.procrastinate_periodic_defers.id = to_delete.id;

    RETURN _job_id;
END;
$$;

--
-- Name: procrastinate_jobs; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.procrastinate_jobs (
    id bigint NOT NULL,
    queue_name character varying(128) NOT NULL,
    task_name character varying(128) NOT NULL,
    priority integer DEFAULT 0 NOT NULL,
    lock text,
    queueing_lock text,
    args jsonb DEFAULT '{}'::jsonb NOT NULL,
    status public.procrastinate_job_status DEFAULT 'todo'::public.procrastinate_job_status NOT NULL,
    scheduled_at timestamp with time zone,
    attempts integer DEFAULT 0 NOT NULL,
    abort_requested boolean DEFAULT false NOT NULL,
    worker_id bigint,
    CONSTRAINT check_not_todo_abort_requested CHECK ((NOT ((status = 'todo'::public.procrastinate_job_status) AND (abort_requested = true))))
);

--
-- Name: procrastinate_fetch_job_v2(character varying[], bigint); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.procrastinate_fetch_job_v2(target_queue_names character varying[], p_worker_id bigint) RETURNS public.procrastinate_jobs
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
	found_jobs public.procrastinate_jobs;
BEGIN
    WITH candidate AS (
        SELECT jobs.*
            FROM public.procrastinate_jobs AS jobs
            WHERE
                -- reject the job if its lock has earlier or higher priority jobs
                NOT EXISTS (
                    SELECT 1
                        FROM public.procrastinate_jobs AS other_jobs
                        WHERE
                            jobs.lock IS NOT NULL
                            AND other_jobs.lock = jobs.lock
                            AND (
                                -- job with same lock is already running
                                other_jobs.status = 'doing'
                                OR
                                -- job with same lock is waiting and has higher priority (or same priority but was queued first)
                                (
                                    other_jobs.status = 'todo'
                                    AND (
                                        other_jobs.priority > jobs.priority
                                        OR (
                                        other_jobs.priority = jobs.priority
                                        AND other_jobs.id < jobs.id
                                        )
                                    )
                                )
                            )
                )
                AND jobs.status = 'todo'
                AND (target_queue_names IS NULL OR jobs.queue_name = ANY( target_queue_names ))
                AND (jobs.scheduled_at IS NULL OR jobs.scheduled_at <= now())
            ORDER BY jobs.priority DESC, jobs.id ASC LIMIT 1
            FOR UPDATE OF jobs SKIP LOCKED
    )
    UPDATE public.procrastinate_jobs
        SET status = 'doing', worker_id = p_worker_id
        FROM candidate
        WHERE public.procrastinate_jobs.id = candidate.id
        RETURNING public.procrastinate_jobs.* INTO found_jobs;

 RETURN found_jobs;
END;
$$;

--
-- Name: procrastinate_finish_job_v1(bigint, public.procrastinate_job_status, boolean); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.procrastinate_finish_job_v1(job_id bigint, end_status public.procrastinate_job_status, delete_job boolean) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    _job_id bigint;
BEGIN
    IF end_status NOT IN ('succeeded', 'failed', 'aborted') THEN
        RAISE 'End status should be either "succeeded", "failed" or "aborted" (job id: %)', job_id;
    END IF;
    IF delete_job THEN
        DELETE FROM public.procrastinate_jobs
        WHERE id = job_id AND status IN ('todo', 'doing')
        RETURNING id INTO _job_id;
    ELSE
        UPDATE public.procrastinate_jobs
        SET status = end_status,
            abort_requested = false,
            attempts = CASE status
                WHEN 'doing' THEN attempts + 1 ELSE attempts
            END
        WHERE id = job_id AND status IN ('todo', 'doing')
        RETURNING id INTO _job_id;
    END IF;
    IF _job_id IS NULL THEN
        RAISE 'Job was not found or not in "doing" or "todo" status (job id: %)', job_id;
    END IF;
END;
$$;

--
-- Name: procrastinate_notify_queue_abort_job_v1(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.procrastinate_notify_queue_abort_job_v1() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    payload TEXT;
BEGIN
    SELECT json_build_object('type', 'abort_job_requested', 'job_id', NEW.id)::text INTO payload;
	PERFORM pg_notify('procrastinate_queue_v1#' || NEW.queue_name, payload);
	PERFORM pg_notify('procrastinate_any_queue_v1', payload);
	RETURN NEW;
END;
$$;

--
-- Name: procrastinate_notify_queue_job_inserted_v1(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.procrastinate_notify_queue_job_inserted_v1() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    payload TEXT;
BEGIN
    SELECT json_build_object('type', 'job_inserted', 'job_id', NEW.id)::text INTO payload;
	PERFORM pg_notify('procrastinate_queue_v1#' || NEW.queue_name, payload);
	PERFORM pg_notify('procrastinate_any_queue_v1', payload);
	RETURN NEW;
END;
$$;

--
-- Name: procrastinate_prune_stalled_workers_v1(double precision); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.procrastinate_prune_stalled_workers_v1(seconds_since_heartbeat double precision) RETURNS TABLE(worker_id bigint)
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    RETURN QUERY
    DELETE FROM public.procrastinate_workers
    WHERE last_heartbeat < NOW() - (seconds_since_heartbeat || 'SECOND')::INTERVAL
    RETURNING public.procrastinate_workers.id;
END;
$$;

--
-- Name: procrastinate_register_worker_v1(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.procrastinate_register_worker_v1() RETURNS TABLE(worker_id bigint)
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    RETURN QUERY
    INSERT INTO public.procrastinate_workers DEFAULT VALUES
    RETURNING public.procrastinate_workers.id;
END;
$$;

--
-- Name: procrastinate_retry_job_v1(bigint, timestamp with time zone, integer, character varying, character varying); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.procrastinate_retry_job_v1(job_id bigint, retry_at timestamp with time zone, new_priority integer, new_queue_name character varying, new_lock character varying) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    _job_id bigint;
    _abort_requested boolean;
BEGIN
    SELECT abort_requested FROM public.procrastinate_jobs
    WHERE id = job_id AND status = 'doing'
    FOR UPDATE
    INTO _abort_requested;
    IF _abort_requested THEN
        UPDATE public.procrastinate_jobs
        SET status = 'failed'::public.procrastinate_job_status
        WHERE id = job_id AND status = 'doing'
        RETURNING id INTO _job_id;
    ELSE
        UPDATE public.procrastinate_jobs
        SET status = 'todo'::public.procrastinate_job_status,
            attempts = attempts + 1,
            scheduled_at = retry_at,
            priority = COALESCE(new_priority, priority),
            queue_name = COALESCE(new_queue_name, queue_name),
            lock = COALESCE(new_lock, lock)
        WHERE id = job_id AND status = 'doing'
        RETURNING id INTO _job_id;
    END IF;

    IF _job_id IS NULL THEN
        RAISE 'Job was not found or not in "doing" status (job id: %)', job_id;
    END IF;
END;
$$;

--
-- Name: procrastinate_retry_job_v2(bigint, timestamp with time zone, integer, character varying, character varying); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.procrastinate_retry_job_v2(job_id bigint, retry_at timestamp with time zone, new_priority integer, new_queue_name character varying, new_lock character varying) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    _job_id bigint;
    _abort_requested boolean;
    _current_status public.procrastinate_job_status;
BEGIN
    SELECT status, abort_requested FROM public.procrastinate_jobs
    WHERE id = job_id AND status IN ('doing', 'failed')
    FOR UPDATE
    INTO _current_status, _abort_requested;
    IF _current_status = 'doing' AND _abort_requested THEN
        UPDATE public.procrastinate_jobs
        SET status = 'failed'::public.procrastinate_job_status
        WHERE id = job_id AND status = 'doing'
        RETURNING id INTO _job_id;
    ELSE
        UPDATE public.procrastinate_jobs
        SET status = 'todo'::public.procrastinate_job_status,
            attempts = attempts + 1,
            scheduled_at = retry_at,
            priority = COALESCE(new_priority, priority),
            queue_name = COALESCE(new_queue_name, queue_name),
            lock = COALESCE(new_lock, lock)
        WHERE id = job_id AND status IN ('doing', 'failed')
        RETURNING id INTO _job_id;
    END IF;

    IF _job_id IS NULL THEN
        RAISE 'Job was not found or has an invalid status to retry (job id: %)', job_id;
    END IF;

END;
$$;

--
-- Name: procrastinate_trigger_abort_requested_events_procedure_v1(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.procrastinate_trigger_abort_requested_events_procedure_v1() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    INSERT INTO public.procrastinate_events(job_id, type)
        VALUES (NEW.id, 'abort_requested'::public.procrastinate_job_event_type);
    RETURN NEW;
END;
$$;

--
-- Name: procrastinate_trigger_function_scheduled_events_v1(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.procrastinate_trigger_function_scheduled_events_v1() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    INSERT INTO public.procrastinate_events(job_id, type, at)
        VALUES (NEW.id, 'scheduled'::public.procrastinate_job_event_type, NEW.scheduled_at);

	RETURN NEW;
END;
$$;

--
-- Name: procrastinate_trigger_function_status_events_insert_v1(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.procrastinate_trigger_function_status_events_insert_v1() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    INSERT INTO public.procrastinate_events(job_id, type)
        VALUES (NEW.id, 'deferred'::public.procrastinate_job_event_type);
	RETURN NEW;
END;
$$;

--
-- Name: procrastinate_trigger_function_status_events_update_v1(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.procrastinate_trigger_function_status_events_update_v1() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    WITH t AS (
        SELECT CASE
            WHEN OLD.status = 'todo'::public.procrastinate_job_status
                AND NEW.status = 'doing'::public.procrastinate_job_status
                THEN 'started'::public.procrastinate_job_event_type
            WHEN OLD.status = 'doing'::public.procrastinate_job_status
                AND NEW.status = 'todo'::public.procrastinate_job_status
                THEN 'deferred_for_retry'::public.procrastinate_job_event_type
            WHEN OLD.status = 'doing'::public.procrastinate_job_status
                AND NEW.status = 'failed'::public.procrastinate_job_status
                THEN 'failed'::public.procrastinate_job_event_type
            WHEN OLD.status = 'doing'::public.procrastinate_job_status
                AND NEW.status = 'succeeded'::public.procrastinate_job_status
                THEN 'succeeded'::public.procrastinate_job_event_type
            WHEN OLD.status = 'todo'::public.procrastinate_job_status
                AND (
                    NEW.status = 'cancelled'::public.procrastinate_job_status
                    OR NEW.status = 'failed'::public.procrastinate_job_status
                    OR NEW.status = 'succeeded'::public.procrastinate_job_status
                )
                THEN 'cancelled'::public.procrastinate_job_event_type
            WHEN OLD.status = 'doing'::public.procrastinate_job_status
                AND NEW.status = 'aborted'::public.procrastinate_job_status
                THEN 'aborted'::public.procrastinate_job_event_type
            WHEN OLD.status = 'failed'::public.procrastinate_job_status
                AND NEW.status = 'todo'::public.procrastinate_job_status
                THEN 'retried'::public.procrastinate_job_event_type
            ELSE NULL
        END as event_type
    )
    INSERT INTO public.procrastinate_events(job_id, type)
        SELECT NEW.id, t.event_type
        FROM t
        WHERE t.event_type IS NOT NULL;
	RETURN NEW;
END;
$$;

--
-- Name: procrastinate_unlink_periodic_defers_v1(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.procrastinate_unlink_periodic_defers_v1() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    UPDATE public.procrastinate_periodic_defers
    SET job_id = NULL
    WHERE job_id = OLD.id;
    RETURN OLD;
END;
$$;

--
-- Name: procrastinate_unregister_worker_v1(bigint); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.procrastinate_unregister_worker_v1(worker_id bigint) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    DELETE FROM public.procrastinate_workers
    WHERE id = worker_id;
END;
$$;

--
-- Name: procrastinate_update_heartbeat_v1(bigint); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.procrastinate_update_heartbeat_v1(worker_id bigint) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    UPDATE public.procrastinate_workers
    SET last_heartbeat = NOW()
    WHERE id = worker_id;
END;
$$;

--
-- Name: acting_artist(); Type: FUNCTION; Schema: search; Owner: -
--

CREATE FUNCTION search.acting_artist() RETURNS text
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    select nullif(current_setting('search.acting_artist', true), '');
$$;

--
-- Name: FUNCTION acting_artist(); Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON FUNCTION search.acting_artist() IS 'For whom the transaction writes to the catalogue: what an adopted table wants to know of a new tag or album.
Example: select search.acting_artist()';

--
-- Name: cancel_jobs(text, integer); Type: FUNCTION; Schema: search; Owner: -
--

CREATE FUNCTION search.cancel_jobs(task text DEFAULT NULL::text, below_priority integer DEFAULT NULL::integer) RETURNS bigint
    LANGUAGE sql
    SET search_path TO 'pg_catalog', 'search', 'pg_temp'
    AS $$
    select count(public.procrastinate_cancel_job_v1(j.id, false, false))
    from public.procrastinate_jobs j
    where j.status = 'todo' and j.queue_name not in ('upkeep', 'urgent_upkeep')
      and (cancel_jobs.task is null or j.task_name = cancel_jobs.task)
      and (cancel_jobs.below_priority is null or j.priority < cancel_jobs.below_priority);
$$;

--
-- Name: FUNCTION cancel_jobs(task text, below_priority integer); Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON FUNCTION search.cancel_jobs(task text, below_priority integer) IS 'Cancel jobs that no worker has begun, of one task or of all, below a priority or at any, and return how many. search.enqueue_missing_embeddings and search.enqueue_missing_genres bring them back.
Example: select search.cancel_jobs(below_priority => search.job_priority(''upload''))';

--
-- Name: cancel_switch(); Type: FUNCTION; Schema: search; Owner: -
--

CREATE FUNCTION search.cancel_switch() RETURNS text
    LANGUAGE sql
    SET search_path TO 'pg_catalog', 'search', 'pg_temp'
    AS $$
    update search.models m set candidate = false where m.candidate returning m.identity;
$$;

--
-- Name: FUNCTION cancel_switch(); Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON FUNCTION search.cancel_switch() IS 'Give up the candidate and return its identity; its store stays, and its jobs find nothing to do.
Example: select search.cancel_switch()';

--
-- Name: complete_tag(text, integer); Type: FUNCTION; Schema: search; Owner: -
--

CREATE FUNCTION search.complete_tag(prefix text DEFAULT ''::text, k integer DEFAULT 20) RETURNS TABLE(name text, track_count bigint)
    LANGUAGE plpgsql STABLE PARALLEL SAFE
    SET search_path TO 'pg_catalog', 'search', 'pg_temp'
    SET plan_cache_mode TO 'force_generic_plan'
    SET jit TO 'off'
    AS $$
declare
    needle constant text := coalesce(search.normalize_text(prefix), '');
    -- popularity is as of the last folding; counts that are waiting do not change the order
    few constant integer := greatest(k, 200);
begin
    return query
    select d.label, held.listed
    from (
        select walk.key
        from search_internal.highest_levels(array['tag']) as highest
        cross join lateral search_internal.names_by_level(
            'tag', highest.level, needle, needle || chr(1114111), null, few) as walk
        limit few
    ) as begun
    -- limit 1: a row for each key, by the index; however many there may be by the planner's guess, it reads no whole table
    cross join lateral (
        select t.key, t.label, t.track_count from search.documents t
        where t.kind = 'tag' and t.key = begun.key and t.field = 'name' limit 1
    ) as d
    cross join lateral (
        select (d.track_count + coalesce(sum(c.change), 0))::bigint
        from search.track_count_changes c where c.kind = 'tag' and c.key = d.key
    ) as held (listed)
    order by held.listed desc, d.label
    limit k;
end;
$$;

--
-- Name: FUNCTION complete_tag(prefix text, k integer); Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON FUNCTION search.complete_tag(prefix text, k integer) IS 'The k tags on most listed tracks whose names begin with a text, with how many tracks. An empty text: of all tags. A tag on no listed track is left out.
Example: select name, track_count from search.complete_tag(''am'')';

--
-- Name: job_priority(text); Type: FUNCTION; Schema: search; Owner: -
--

CREATE FUNCTION search.job_priority(reason text) RETURNS integer
    LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
    case reason
        when 'upkeep' then return 10;
        when 'upload' then return 0;
        when 'on_demand' then return -5;
        when 'backfill' then return -10;
        when 'model_switch' then return -20;
        else raise exception 'no job has the reason %', reason
            using errcode = 'invalid_parameter_value', hint = 'upkeep, upload, on_demand, backfill or model_switch.';
    end case;
end;
$$;

--
-- Name: FUNCTION job_priority(reason text); Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON FUNCTION search.job_priority(reason text) IS 'Which job goes first: upkeep (10, what keeps the queue healthy) before upload (0) before on_demand (a person waits for it) before backfill before model_switch. A worker takes the highest that waits, so none of the lower ones delays an upload by more than the job that it has begun.
Example: select search.job_priority(''backfill'')';

--
-- Name: enqueue_missing_embeddings(text, integer, boolean, bigint, boolean); Type: FUNCTION; Schema: search; Owner: -
--

CREATE FUNCTION search.enqueue_missing_embeddings(identity text DEFAULT NULL::text, priority integer DEFAULT search.job_priority('backfill'::text), retry_failed boolean DEFAULT true, most bigint DEFAULT NULL::bigint, permanent boolean DEFAULT false) RETURNS bigint
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'search', 'pg_temp'
    AS $$
begin
    -- whoever comes second waits, and then sees the jobs of whoever was first
    perform pg_advisory_xact_lock(hashtextextended('search.enqueue_missing_embeddings', 0));
    return (
        select count(search_internal.defer_job(
            'embed', 'embed_track',
            jsonb_build_object('track_id', u.track_id, 'file_id', u.file_id, 'model', u.model), priority))
        from (
            select * from search.unprocessed_tracks('embed_track', identity, permanent) u
            where retry_failed or not u.failed
            order by u.failed, u.track_id
            limit most
        ) as u
        where u.job_id is null);
end;
$$;

--
-- Name: FUNCTION enqueue_missing_embeddings(identity text, priority integer, retry_failed boolean, most bigint, permanent boolean); Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON FUNCTION search.enqueue_missing_embeddings(identity text, priority integer, retry_failed boolean, most bigint, permanent boolean) IS 'Enqueue a job for each track without a vector in a model, the serving one unless another is named, except where one is pending or its audio cannot be decoded; with retry_failed false also where it failed for another reason, with permanent true not even there. With most, only the first so many of them, pending ones included: those that have not failed yet, by id, then the others. Behind new uploads, unless the priority says otherwise. Returns how many were enqueued.
Example: select search.enqueue_missing_embeddings(most => 1000)';

--
-- Name: enqueue_missing_genres(integer, boolean, bigint, boolean); Type: FUNCTION; Schema: search; Owner: -
--

CREATE FUNCTION search.enqueue_missing_genres(priority integer DEFAULT search.job_priority('backfill'::text), retry_failed boolean DEFAULT true, most bigint DEFAULT NULL::bigint, permanent boolean DEFAULT false) RETURNS bigint
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'search', 'pg_temp'
    AS $$
begin
    perform pg_advisory_xact_lock(hashtextextended('search.enqueue_missing_genres', 0));
    return (
        select count(search_internal.defer_job(
            'classify', 'classify_genres',
            jsonb_build_object('track_id', u.track_id, 'file_id', u.file_id), priority))
        from (
            select * from search.unprocessed_tracks('classify_genres', permanent => permanent) u
            where retry_failed or not u.failed
            order by u.failed, u.track_id
            limit most
        ) as u
        where u.job_id is null);
end;
$$;

--
-- Name: FUNCTION enqueue_missing_genres(priority integer, retry_failed boolean, most bigint, permanent boolean); Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON FUNCTION search.enqueue_missing_genres(priority integer, retry_failed boolean, most bigint, permanent boolean) IS 'Enqueue a job for each track whose present audio has no genre predictions; otherwise as search.enqueue_missing_embeddings.
Example: select search.enqueue_missing_genres(most => 1000)';

--
-- Name: explain(text, public.halfvec, text, text[], integer, double precision, double precision); Type: FUNCTION; Schema: search; Owner: -
--

CREATE FUNCTION search.explain(q text, query_embedding public.halfvec DEFAULT NULL::public.halfvec, viewer text DEFAULT NULL::text, types text[] DEFAULT NULL::text[], max_per_type integer DEFAULT 20, audibility double precision DEFAULT NULL::double precision, min_confidence double precision DEFAULT 0.2) RETURNS TABLE(rank bigint, type text, key text, label text, tier text, signal text, signal_tier text, signal_class integer, signal_rank bigint, value real, confidence real, popularity real)
    LANGUAGE plpgsql STABLE PARALLEL SAFE
    SET search_path TO 'pg_catalog', 'search', 'pg_temp'
    AS $$
declare
    kinds constant text[] := coalesce(types, array['track', 'artist', 'album', 'tag', 'playlist']);
    finders constant text[] := search_internal.finders(viewer);
begin
    return query
    select p.position, p.kind, p.key,
           (select d.label from search.documents d where d.kind = p.kind and d.key = p.key and d.field <> 'handle'),
           p.tier::text, s.field, s.tier || case when s.held then ', held by it' else '' end,
           s.class, s.ranked, s.quality, s.confidence, s.popularity
    from search_internal.ranked_page(q, query_embedding, finders, kinds, max_per_type, audibility, min_confidence) as p
    join (
        select n.*, row_number() over (
                   partition by n.kind, n.field
                   order by n.tier, n.held, n.class, case when n.tier = 'sound' then -n.similarity end, n.popularity desc,
                            length(n.key), n.key) as ranked
        from search_internal.signals(q, query_embedding, finders, kinds, max_per_type, audibility, min_confidence) as n
    ) as s on s.kind = p.kind and s.key = p.key
    order by p.position, s.tier, s.held, s.class, s.field;
end;
$$;

--
-- Name: FUNCTION explain(q text, query_embedding public.halfvec, viewer text, types text[], max_per_type integer, audibility double precision, min_confidence double precision); Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON FUNCTION search.explain(q text, query_embedding public.halfvec, viewer text, types text[], max_per_type integer, audibility double precision, min_confidence double precision) IS 'Why each hit of search.unified stands where it does: a row for each of its signals, with tier, class, value and the rank that the signal alone would give it. Sound is no signal for a q before the serving model is calibrated (search.calibrations).
Example: select rank, label, signal, signal_tier from search.explain(''rain'')';

--
-- Name: finish_switch(); Type: FUNCTION; Schema: search; Owner: -
--

CREATE FUNCTION search.finish_switch() RETURNS text
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'search', 'pg_temp'
    AS $$
declare
    candidate search.models;
begin
    perform pg_advisory_xact_lock(hashtextextended('search.models', 0));
    select * into candidate from search.models m where m.candidate;
    if not found or (select c.coverage from search.model_coverage(candidate.identity) c) < candidate.coverage_wanted then
        return null;
    end if;
    perform search.serve_model(candidate.identity);
    return candidate.identity;
end;
$$;

--
-- Name: FUNCTION finish_switch(); Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON FUNCTION search.finish_switch() IS 'Let the candidate serve if it has enough of the tracks, in the caller''s transaction; its identity, or null.
Example: select search.finish_switch()';

--
-- Name: has_flag(text, text); Type: FUNCTION; Schema: search; Owner: -
--

CREATE FUNCTION search.has_flag(viewer text, flag text) RETURNS boolean
    LANGUAGE sql STABLE PARALLEL SAFE
    SET search_path TO 'pg_catalog', 'search', 'pg_temp'
    AS $$
    select exists (select from public.feature_flags f where f.artist_did = viewer and f.flag = has_flag.flag);
$$;

--
-- Name: FUNCTION has_flag(viewer text, flag text); Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON FUNCTION search.has_flag(viewer text, flag text) IS 'Whether a feature is switched on for this viewer; never for somebody unknown.
Example: select search.has_flag(''did:plc:ann'', ''vibe-search'')';

--
-- Name: help(); Type: FUNCTION; Schema: search; Owner: -
--

CREATE FUNCTION search.help() RETURNS TABLE(name text, arguments text, what_it_does text, example text)
    LANGUAGE sql STABLE PARALLEL SAFE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    select described.name, described.arguments, btrim(split_part(described.comment, E'\nExample: ', 1)),
           split_part(described.comment, E'\nExample: ', 2)
    from (
        select 'search.' || p.proname as name, pg_get_function_arguments(p.oid) as arguments,
               obj_description(p.oid, 'pg_proc') as comment
        from pg_proc p
        where p.pronamespace = 'search'::regnamespace
        union all
        select 'search.' || c.relname, null, obj_description(c.oid, 'pg_class')
        from pg_class c
        where c.relnamespace = 'search'::regnamespace and c.relkind = 'v'
    ) as described
    where described.comment like E'%\nExample: %'
    order by described.arguments is null, described.name;
$$;

--
-- Name: FUNCTION help(); Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON FUNCTION search.help() IS 'What is for people to call: functions with their arguments, and views, each with an example that runs.
Example: select name, what_it_does, example from search.help()';

--
-- Name: is_listed(text); Type: FUNCTION; Schema: search; Owner: -
--

CREATE FUNCTION search.is_listed(visibility text) RETURNS boolean
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN (visibility = ANY ('{public,supporters}'::text[]));

--
-- Name: FUNCTION is_listed(visibility text); Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON FUNCTION search.is_listed(visibility text) IS 'Whether everyone may find a row of this visibility. Supporters-only audio is found by all and played by some.
Example: select visibility, search.is_listed(visibility), count(*) from tracks group by visibility';

--
-- Name: audience(text); Type: FUNCTION; Schema: search_internal; Owner: -
--

CREATE FUNCTION search_internal.audience(visibility text) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE WHEN starts_with(visibility, 'only:'::text) THEN substr(visibility, 6) ELSE NULL::text END;

--
-- Name: FUNCTION audience(visibility text); Type: COMMENT; Schema: search_internal; Owner: -
--

COMMENT ON FUNCTION search_internal.audience(visibility text) IS 'The group that may find a row beside its owner; null for no group.';

--
-- Name: finders(text); Type: FUNCTION; Schema: search_internal; Owner: -
--

CREATE FUNCTION search_internal.finders(viewer text) RETURNS text[]
    LANGUAGE plpgsql STABLE PARALLEL SAFE
    SET search_path TO 'pg_catalog', 'search', 'pg_temp'
    AS $$
begin
    -- the viewer comes first
    return case when viewer is null then '{}' else array[viewer] || '{}'::text[] end;
end;
$$;

--
-- Name: FUNCTION finders(viewer text); Type: COMMENT; Schema: search_internal; Owner: -
--

COMMENT ON FUNCTION search_internal.finders(viewer text) IS 'As whom a viewer finds rows: as an owner, and as a member of the groups of the rules. Empty for an anonymous viewer.';

--
-- Name: may_see(text, text, text); Type: FUNCTION; Schema: search; Owner: -
--

CREATE FUNCTION search.may_see(visibility text, artist_did text, viewer text) RETURNS boolean
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN COALESCE(((visibility = ANY (ARRAY['public'::text, 'supporters'::text, 'unlisted'::text])) OR (artist_did = viewer) OR (search_internal.audience(visibility) = ANY (search_internal.finders(viewer)))), false);

--
-- Name: FUNCTION may_see(visibility text, artist_did text, viewer text); Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON FUNCTION search.may_see(visibility text, artist_did text, viewer text) IS 'Whether a viewer who has a track''s number may see the track. What is not listed is seen by its artist and its group.
Example: select id, search.may_see(visibility, artist_did, null) from tracks';

--
-- Name: model_coverage(text); Type: FUNCTION; Schema: search; Owner: -
--

CREATE FUNCTION search.model_coverage(identity text, OUT tracks bigint, OUT embedded bigint, OUT undecodable bigint, OUT failed bigint, OUT coverage real) RETURNS record
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'search', 'pg_temp'
    AS $$
    with model as (
        select m.id, m.identity from search.models m where m.identity = model_coverage.identity
    ), counted as (
        select count(*) as tracks, count(e.track_id) as embedded
        from model
        cross join public.tracks t
        left join search.embeddings e on e.model_id = model.id and e.track_id = t.id and e.file_id = t.file_id
    ), troubled as (
        select count(*) filter (where f.permanent) as undecodable, count(*) filter (where not f.permanent) as failed
        from model
        join search.job_failures f on f.model = model.identity and f.task = 'embed_track'
        join public.tracks t on t.id = f.track_id and t.file_id = f.file_id
    )
    select c.tracks, c.embedded, d.undecodable, d.failed,
           case when c.tracks <= d.undecodable then 1 else c.embedded::real / (c.tracks - d.undecodable) end
    from counted c, troubled d
    where exists (select from model);
$$;

--
-- Name: FUNCTION model_coverage(identity text, OUT tracks bigint, OUT embedded bigint, OUT undecodable bigint, OUT failed bigint, OUT coverage real); Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON FUNCTION search.model_coverage(identity text, OUT tracks bigint, OUT embedded bigint, OUT undecodable bigint, OUT failed bigint, OUT coverage real) IS 'How far the store of a model is filled: tracks in all, those with a vector of their present audio, those that cannot be decoded, those that failed otherwise and may be tried again, and the share embedded of those that can be.
Example: select m.name, c.* from search.models m, search.model_coverage(m.identity) c';

--
-- Name: near_duplicate_similarity(); Type: FUNCTION; Schema: search; Owner: -
--

CREATE FUNCTION search.near_duplicate_similarity() RETURNS real
    LANGUAGE sql STABLE PARALLEL SAFE
    SET search_path TO 'pg_catalog', 'search', 'pg_temp'
    AS $$
    select case m.name when 'musicnn-tags' then 0.97 else 0.995 end::real from search.models m where m.serving;
$$;

--
-- Name: FUNCTION near_duplicate_similarity(); Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON FUNCTION search.near_duplicate_similarity() IS 'Cosine similarity in the serving model from which two vectors count as one recording. musicnn-tags: the 28 sample tracks, encoded again as MP3 (64 and 128 kbit/s) and AAC (96), or at a quarter of the volume, reach it in 109 of 112 cases; two different ones are at 0.93 at most. Otherwise CLAP''s: two rips of one track score 0.9972 and more.
Example: select search.near_duplicate_similarity()';

--
-- Name: nearest_tracks(public.halfvec, text, integer, bigint[]); Type: FUNCTION; Schema: search; Owner: -
--

CREATE FUNCTION search.nearest_tracks(query_embedding public.halfvec, viewer text DEFAULT NULL::text, k integer DEFAULT 20, candidates bigint[] DEFAULT NULL::bigint[]) RETURNS TABLE(track_id bigint, similarity real)
    LANGUAGE plpgsql STABLE PARALLEL SAFE
    SET search_path TO 'pg_catalog', 'search', 'pg_temp'
    SET "hnsw.ef_search" TO '200'
    SET "hnsw.iterative_scan" TO 'strict_order'
    AS $$
        declare
            finders constant text[] := search_internal.finders(viewer);
        begin
            if query_embedding is null then
                return;
            end if;
            -- functions are looked up anew while a statement runs, its rows are not: between the two a switch may commit
            if not exists (select from search.models m where m.id = 1 and m.serving) then
                raise exception 'the serving model was changed while this statement ran'
                    using errcode = 'serialization_failure', hint = 'Run it again.';
            end if;
            if public.vector_dims(query_embedding) <> 100 then
                raise exception 'the query vector has % dimensions, the serving model (%) has 100',
                    public.vector_dims(query_embedding), (select m.identity from search.models m where m.id = 1)
                    using errcode = 'data_exception', hint = 'Embed the query with the model that serves.';
            end if;
            -- of the candidates some may not be listed any more, and a page must not be short for that: then the index is asked
            if candidates is not null
               and (select count(*) from search.embeddings_1 e where e.track_id = any (candidates) and e.listed) >= k then
                candidates := candidates || search_internal.unmirrored_tracks();
                return query
                    select found.track_id, (1 - found.distance)::real
                    from (
                        select e.track_id, e.embedding operator(public.<=>) query_embedding as distance
                        from search.embeddings_1 e
                        where e.track_id = any (candidates) and e.listed
                        union all
                        select e.track_id, e.embedding operator(public.<=>) query_embedding
                        from search.embeddings_1 e
                        where (e.owner = any (finders) or e.audience = any (finders))
                    ) as found
                    order by found.distance, found.track_id
                    limit k;
                return;
            end if;
            return query
                select found.track_id, (1 - found.distance)::real
                from (
                    (select e.track_id, e.embedding::public.halfvec(100) operator(public.<=>) query_embedding as distance
                     from search.embeddings_1 e
                     where e.listed
                     order by e.embedding::public.halfvec(100) operator(public.<=>) query_embedding
                     limit k)
                    union all
                    (select e.track_id, e.embedding operator(public.<=>) query_embedding
                     from search.embeddings_1 e
                     where (e.owner = any (finders) or e.audience = any (finders))
                     order by e.embedding operator(public.<=>) query_embedding
                     limit k)
                ) as found
                order by found.distance, found.track_id
                limit k;
        end;
        $$;

--
-- Name: FUNCTION nearest_tracks(query_embedding public.halfvec, viewer text, k integer, candidates bigint[]); Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON FUNCTION search.nearest_tracks(query_embedding public.halfvec, viewer text, k integer, candidates bigint[]) IS 'The k tracks that the viewer may find whose vectors are nearest to the query''s, by cosine similarity, in the serving model: of all, by the index, or of candidates that a mirror has named and of what it does not know yet.
Example: select n.track_id, n.similarity from search.track_embeddings e, search.nearest_tracks(e.embedding) n where e.track_id = 1';

--
-- Name: normalize_text(text); Type: FUNCTION; Schema: search; Owner: -
--

CREATE FUNCTION search.normalize_text(value text) RETURNS text
    LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
    folded text := lower(search_internal.unaccent(normalize(value, nfkc)));
    -- an apostrophe binds (don't = dont), other punctuation parts (lo-fi = lo fi)
    parted text := regexp_replace(
        regexp_replace(folded, '[''`´‘’ʼ]', '', 'g'),
        '[\s\u0001-\u001f!-/:-@\[-`{-~\u007f\u00a1-\u00bf\u2000-\u206f\u3000-\u303f]', ' ', 'g');
    -- scripts without spaces are parted into letters: any run of them then begins like a word, and has trigrams
    words text := btrim(regexp_replace(
        regexp_replace(parted, '([\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff])', ' \1 ', 'g'), '\s+', ' ', 'g'));
begin
    -- a name made of punctuation alone is still a name
    return case when words = '' then btrim(folded) else words end;
end;
$$;

--
-- Name: FUNCTION normalize_text(value text); Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON FUNCTION search.normalize_text(value text) IS 'The form in which names and queries are compared: compatibility forms, case, accents, apostrophes, hyphens and repeated spaces make no difference. Chinese and Japanese are parted into letters.
Example: select search.normalize_text(''Don’t Stop (Lo-Fi)'')';

--
-- Name: previous_model(); Type: FUNCTION; Schema: search; Owner: -
--

CREATE FUNCTION search.previous_model() RETURNS text
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'search', 'pg_temp'
    AS $$
    select m.identity from search.models m where not m.serving and m.retired_at is not null order by m.retired_at desc limit 1;
$$;

--
-- Name: FUNCTION previous_model(); Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON FUNCTION search.previous_model() IS 'Identity of the model that served last, to return to.
Example: select search.previous_model()';

--
-- Name: private_owner(text, text); Type: FUNCTION; Schema: search; Owner: -
--

CREATE FUNCTION search.private_owner(visibility text, did text) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE WHEN ((visibility = ANY ('{private}'::text[])) OR starts_with(visibility, 'only:'::text)) THEN did ELSE NULL::text END;

--
-- Name: FUNCTION private_owner(visibility text, did text); Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON FUNCTION search.private_owner(visibility text, did text) IS 'The owner of a row that is not listed, who may find it nevertheless; null for no one.
Example: select id, search.private_owner(visibility, artist_did) from tracks where visibility = ''private''';

--
-- Name: processing_audit(); Type: FUNCTION; Schema: search; Owner: -
--

CREATE FUNCTION search.processing_audit() RETURNS TABLE(artist_did text, artist_handle text, artist_name text, track_id bigint, title text, file_id text, embeddings jsonb, classified_file_id text, classified_at timestamp with time zone, pending text[], failures jsonb)
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'search', 'pg_temp'
    SET enable_nestloop TO 'off'
    AS $$
    with embedded as (
        select e.track_id, jsonb_agg(jsonb_build_object(
                   'model', m.name, 'identity', m.identity, 'file_id', e.file_id, 'embedded_at', e.embedded_at
               ) order by m.serving desc, e.embedded_at) as embeddings
        from search.embeddings e
        join search.models m on m.id = e.model_id
        group by e.track_id
    ), jobs as (
        select (j.args ->> 'track_id')::bigint as track_id, j.args ->> 'file_id' as file_id,
               array_agg(distinct j.task_name::text order by j.task_name::text) filter (where j.status in ('todo', 'doing')) as pending,
               max(v.at) filter (where j.task_name = 'classify_genres') as classified_at
        from public.procrastinate_jobs j
        left join public.procrastinate_events v on v.job_id = j.id and v.type = 'succeeded'
        where j.task_name in ('embed_track', 'classify_genres')
        group by 1, 2
    ), failed as (
        select f.track_id, f.file_id, jsonb_agg(jsonb_build_object(
                   'task', f.task, 'model', nullif(f.model, ''), 'reason', f.reason, 'permanent', f.permanent,
                   'attempts', f.attempts, 'failed_at', f.failed_at
               ) order by f.task, f.model) as failures
        from search.job_failures f
        group by 1, 2
    )
    select a.did, a.handle, a.display_name, t.id, t.title, t.file_id, coalesce(e.embeddings, '[]'),
           t.extra ->> 'genre_predictions_file_id',
           case when t.extra ->> 'genre_predictions_file_id' = t.file_id then j.classified_at end,
           coalesce(j.pending, '{}'), coalesce(f.failures, '[]')
    from public.tracks t
    join public.artists a on a.did = t.artist_did
    left join embedded e on e.track_id = t.id
    left join jobs j on j.track_id = t.id and j.file_id = t.file_id
    left join failed f on f.track_id = t.id and f.file_id = t.file_id;
$$;

--
-- Name: FUNCTION processing_audit(); Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON FUNCTION search.processing_audit() IS 'What has been done to each track: every vector that is stored of it, in whichever model and of whichever audio; the audio that its genre predictions are of, and when they were made, as long as the queue remembers; the tasks whose jobs wait or run; and why the last attempts at its present audio failed. A track with neither a vector nor predictions was never processed.
Example: select artist_name, title, pending, failures from search.processing_audit()';

--
-- Name: rebuild_documents(); Type: FUNCTION; Schema: search; Owner: -
--

CREATE FUNCTION search.rebuild_documents() RETURNS bigint
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'search', 'pg_temp'
    AS $$
begin
    truncate search.documents, search.words, search.word_deletions, search.word_count_changes, search.track_count_changes;
    drop index if exists search.documents_prefix_idx;
    drop index if exists search.documents_tokens_idx;
    perform search_internal.refresh_artists(array(select did from public.artists));
    perform search_internal.refresh_albums(array(select id from public.albums));
    perform search_internal.refresh_tags(array(select id from public.tags));
    perform search_internal.refresh_playlists(array(select id from public.playlists));
    analyze search.documents;
    perform search_internal.refresh_tracks(array(select id from public.tracks));
    perform search_internal.index_documents();
    analyze search.documents;
    perform search_internal.fold_word_counts();
    perform search.refresh_common_words();
    return (select count(*) from search.documents);
end;
$$;

--
-- Name: FUNCTION rebuild_documents(); Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON FUNCTION search.rebuild_documents() IS 'Make search.documents and the vocabulary anew from the whole catalogue, and return how many documents there are. Needed only after the catalogue was written past its triggers.
Example: select search.rebuild_documents()';

--
-- Name: recall_check(integer, integer); Type: FUNCTION; Schema: search; Owner: -
--

CREATE FUNCTION search.recall_check(sample integer DEFAULT 100, nearest integer DEFAULT 10) RETURNS TABLE(searches bigint, recall double precision, worst double precision, index_ms double precision, exact_ms double precision)
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'search', 'pg_temp'
    AS $$
declare
    probe record;
    found real[];
    exact real[];
    began timestamptz;
    -- what rounding may do to a similarity that is computed twice
    rounding constant real := 1e-5;
begin
    searches := 0; recall := 0; worst := 1; index_ms := 0; exact_ms := 0;
    for probe in
        select e.model_id, e.embedding
        from search.embeddings e
        join search.models m on m.id = e.model_id and m.serving
        where e.listed
        order by random()
        limit greatest(sample, 1)
    loop
        began := clock_timestamp();
        found := array(select n.similarity from search.nearest_tracks(probe.embedding, null, nearest) as n);
        index_ms := index_ms + 1000 * extract(epoch from clock_timestamp() - began);
        began := clock_timestamp();
        -- without the cast that the index is made with, everything is read
        exact := array(
            select (1 - (e.embedding operator(public.<=>) probe.embedding))::real
            from search.embeddings e
            where e.model_id = probe.model_id and e.listed
            order by e.embedding operator(public.<=>) probe.embedding
            limit nearest);
        exact_ms := exact_ms + 1000 * extract(epoch from clock_timestamp() - began);
        searches := searches + 1;
        -- by similarity and not by track: of two copies of a recording either is right
        recall := recall + least(1, (
            select count(*)::double precision from unnest(found) as f(similarity)
            where f.similarity >= exact[cardinality(exact)] - rounding) / cardinality(exact));
        worst := least(worst, (
            select count(*)::double precision from unnest(found) as f(similarity)
            where f.similarity >= exact[cardinality(exact)] - rounding) / cardinality(exact));
    end loop;
    if searches = 0 then
        recall := null; worst := null; index_ms := null; exact_ms := null;
    else
        recall := recall / searches;
        index_ms := index_ms / searches;
        exact_ms := exact_ms / searches;
    end if;
    return next;
end;
$$;

--
-- Name: FUNCTION recall_check(sample integer, nearest integer); Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON FUNCTION search.recall_check(sample integer, nearest integer) IS 'How many of the exactly nearest tracks the index finds: for a random sample of stored vectors, the share of their nearest, the worst share of one, and the mean milliseconds of both ways. Reads all vectors once for each of the sample.
Example: select * from search.recall_check(10)';

--
-- Name: refresh_common_words(); Type: FUNCTION; Schema: search; Owner: -
--

CREATE FUNCTION search.refresh_common_words() RETURNS bigint
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'search', 'pg_temp'
    AS $$
declare
    -- fewer documents than these are read at once
    many constant integer := 500;
    known bigint;
begin
    delete from search.common_words;
    insert into search.common_words (word, documents)
    select counted.word, round(sum(token.frequency) * c.reltuples)
    from pg_stats s
    cross join lateral unnest(s.most_common_elems::text::text[], s.most_common_elem_freqs) as token (value, frequency)
    -- words of names, and of what they belong to: an artist's name is in one name and in the context of all his tracks
    cross join lateral (
        select case when starts_with(token.value, '=') then substr(token.value, 2)
                    when token.value ~ '^(TR|AL|PL)[a-g][^#]' then substr(token.value, 4) end
    ) as counted (word)
    join pg_class c on c.oid = 'search.documents'::regclass
    where s.schemaname = 'search' and s.tablename = 'documents' and s.attname = 'tokens' and counted.word is not null
    group by counted.word, c.reltuples
    having sum(token.frequency) * c.reltuples >= many
    order by 1
    on conflict (word) do update set documents = excluded.documents; -- another may have done the same just now
    get diagnostics known = row_count;
    return known;
end;
$$;

--
-- Name: FUNCTION refresh_common_words(); Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON FUNCTION search.refresh_common_words() IS 'Learn from the planner''s statistics which words are common, and return how many. The task refresh_common_words calls it every hour; analyze search.documents before where that matters sooner.
Example: select search.refresh_common_words()';

--
-- Name: register_model(text, text, integer); Type: FUNCTION; Schema: search; Owner: -
--

CREATE FUNCTION search.register_model(name text, identity text, dimensions integer) RETURNS smallint
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'search', 'pg_temp'
    AS $_$
declare
    new_id smallint;
begin
    insert into search.models as m (name, identity, dimensions)
    values (register_model.name, register_model.identity, register_model.dimensions)
    on conflict on constraint models_identity_key do nothing
    returning m.id into new_id;

    if new_id is null then
        return (select m.id from search.models m where m.identity = register_model.identity);
    end if;

    execute format(
        'create table search.embeddings_%1$s partition of search.embeddings '
        '(constraint embeddings_%1$s_dimensions check (public.vector_dims(embedding) = %2$s)) for values in (%1$s)',
        new_id, register_model.dimensions);
    -- private rows are few for each owner and read exactly; the graph holds only what everybody may find,
    -- so that no filter can make its answer short
    execute format(
        'create index embeddings_%1$s_hnsw_idx on search.embeddings_%1$s '
        'using hnsw ((embedding::public.halfvec(%2$s)) public.halfvec_cosine_ops) where listed',
        new_id, register_model.dimensions);
    execute format(
        'create index embeddings_%1$s_owner_idx on search.embeddings_%1$s (owner) where owner is not null', new_id);
    execute format(
        'create index embeddings_%1$s_audience_idx on search.embeddings_%1$s (audience) where audience is not null', new_id);
    return new_id;
end;
$_$;

--
-- Name: FUNCTION register_model(name text, identity text, dimensions integer); Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON FUNCTION search.register_model(name text, identity text, dimensions integer) IS 'Create the store of a model identity, once, and return the model''s id.
Example: select search.register_model(''my-model'', ''my-model@1'', 512)';

--
-- Name: release_table(text); Type: FUNCTION; Schema: search; Owner: -
--

CREATE FUNCTION search.release_table(name text) RETURNS boolean
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'search', 'pg_temp'
    AS $$
declare
    stands constant regclass := to_regclass('search.' || quote_ident(release_table.name));
    found record;
begin
    if stands is null then
        return false;
    end if;
    if release_table.name not in ('artists', 'albums', 'tracks', 'tags', 'track_tags', 'playlists', 'playlist_tracks', 'feature_flags')
        or to_regclass('public.' || quote_ident(release_table.name)) is null
    then
        raise exception 'search.% stands before no table of an application', release_table.name
            using errcode = 'invalid_parameter_value', hint = 'Name a table of the catalogue that is in schema public too.';
    end if;
    for found in
        select p.oid, p.prosrc from pg_proc p
        where p.pronamespace in ('search'::regnamespace, 'search_internal'::regnamespace) and p.prosqlbody is null
          and p.prosrc ~ ('\msearch\.' || release_table.name || '\M')
    loop
        execute replace(
            pg_get_functiondef(found.oid), found.prosrc,
            regexp_replace(found.prosrc, '\msearch\.' || release_table.name || '\M', 'public.' || release_table.name, 'g'));
    end loop;
    execute format(
        'drop %s search.%I cascade',
        case (select c.relkind from pg_class c where c.oid = stands) when 'v' then 'view' else 'table' end, release_table.name);
    -- by which the next adoption sees that there is something to do
    delete from search.schema_state s where s.key = 'adopted';
    return true;
end;
$$;

--
-- Name: FUNCTION release_table(name text); Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON FUNCTION search.release_table(name text) IS 'Drop the view or table of schema search that stands before a table of the application, and let search read that table itself until vibe-search db adopt is run again. False where nothing stands before it.
Example: select search.release_table(''tags'')';

--
-- Name: remove_model(text); Type: FUNCTION; Schema: search; Owner: -
--

CREATE FUNCTION search.remove_model(identity text) RETURNS boolean
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'search', 'pg_temp'
    AS $$
declare
    removed search.models;
begin
    perform pg_advisory_xact_lock(hashtextextended('search.models', 0));
    select * into removed from search.models m where m.identity = remove_model.identity;
    if not found then
        return false;
    end if;
    if removed.serving or removed.candidate then
        raise exception 'the model % is in use', identity
            using errcode = 'object_in_use', hint = 'Let another serve first, or cancel the switch to it.';
    end if;
    execute format('drop table search.embeddings_%s', removed.id);
    delete from search.job_failures f where f.model = removed.identity;
    delete from search.models m where m.id = removed.id;
    return true;
end;
$$;

--
-- Name: FUNCTION remove_model(identity text); Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON FUNCTION search.remove_model(identity text) IS 'Drop the store of a model that is not in use; false when there is none.
Example: select search.remove_model(identity) from search.models where not serving and not candidate';

--
-- Name: request_genres(bigint); Type: FUNCTION; Schema: search; Owner: -
--

CREATE FUNCTION search.request_genres(track_id bigint) RETURNS boolean
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'search', 'pg_temp'
    AS $$
declare
    track public.tracks;
    waiting public.procrastinate_jobs;
begin
    -- one asks at a time: of two at once, the second finds the job of the first
    perform pg_advisory_xact_lock(hashtextextended('search.request_genres', request_genres.track_id));
    select * into track from public.tracks t where t.id = request_genres.track_id;
    if not found or track.extra ->> 'genre_predictions_file_id' = track.file_id
        or exists (select from search.job_failures f
                   where f.track_id = track.id and f.task = 'classify_genres' and f.file_id = track.file_id and f.permanent)
    then
        return false;
    end if;
    select * into waiting
    from public.procrastinate_jobs j
    where j.args ->> 'track_id' = track.id::text and j.status in ('todo', 'doing')
      and j.task_name = 'classify_genres' and j.args ->> 'file_id' = track.file_id
    order by j.status desc, j.priority desc
    limit 1;
    if not found then
        perform search_internal.defer_job(
            'classify', 'classify_genres', jsonb_build_object('track_id', track.id, 'file_id', track.file_id),
            search.job_priority('on_demand'));
    elsif waiting.priority < search.job_priority('on_demand') then
        update public.procrastinate_jobs j set priority = search.job_priority('on_demand')
        where j.id = waiting.id and j.status = 'todo';
    end if;
    return true;
end;
$$;

--
-- Name: FUNCTION request_genres(track_id bigint); Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON FUNCTION search.request_genres(track_id bigint) IS 'Have a track classified for somebody who waits: before every backfill and behind uploads. False when there is nothing to wait for: no such track, predictions of its present audio, or audio that cannot be classified.
Example: select search.request_genres(1)';

--
-- Name: request_model(text, real); Type: FUNCTION; Schema: search; Owner: -
--

CREATE FUNCTION search.request_model(identity text, coverage_wanted real DEFAULT 1) RETURNS bigint
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'search', 'pg_temp'
    AS $$
begin
    perform pg_advisory_xact_lock(hashtextextended('search.models', 0));
    if exists (select from search.models m where m.identity = request_model.identity and m.serving) then
        raise exception 'the model % serves already', identity using errcode = 'object_not_in_prerequisite_state';
    end if;
    update search.models m set candidate = false where m.candidate and m.identity <> request_model.identity;
    update search.models m
    set candidate = true, coverage_wanted = request_model.coverage_wanted, requested_at = now()
    where m.identity = request_model.identity;
    if not found then
        raise exception 'no model has the identity %', identity
            using errcode = 'no_data_found', hint = 'search.register_model creates its store.';
    end if;
    return search.enqueue_missing_embeddings(identity, search.job_priority('model_switch'));
end;
$$;

--
-- Name: FUNCTION request_model(identity text, coverage_wanted real); Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON FUNCTION search.request_model(identity text, coverage_wanted real) IS 'Make a registered model the candidate to serve next, in place of any other, enqueue the embedding of every track that it lacks, and return their number.
Example: select search.request_model(identity, 0.99) from search.models where not serving';

--
-- Name: retry_failed_jobs(text, boolean); Type: FUNCTION; Schema: search; Owner: -
--

CREATE FUNCTION search.retry_failed_jobs(task text DEFAULT NULL::text, permanent boolean DEFAULT false) RETURNS bigint
    LANGUAGE sql
    SET search_path TO 'pg_catalog', 'search', 'pg_temp'
    AS $$
    with failed as (
        -- a new job starts counting attempts from the beginning, and wakes the workers up
        delete from public.procrastinate_jobs j
        where j.status = 'failed' and (retry_failed_jobs.task is null or j.task_name = retry_failed_jobs.task)
          -- periodic tasks come again by themselves
          and j.queue_name not in ('upkeep', 'urgent_upkeep')
          and (retry_failed_jobs.permanent or not exists (
                select from search.job_failures f
                where f.permanent and f.task = j.task_name and f.track_id = (j.args ->> 'track_id')::bigint
                  and f.file_id = j.args ->> 'file_id' and f.model = coalesce(j.args ->> 'model', f.model)))
        returning case when j.queue_name <> search_internal.awaited_audio_queue() then j.queue_name
                       when j.task_name = 'embed_track' then 'embed' else 'classify' end as queue_name, j.task_name, j.args, j.priority
    ), wanted as (
        select f.queue_name, f.task_name, f.args, max(f.priority) as priority
        from failed f
        where not exists (
                select from public.procrastinate_jobs p
                where p.status in ('todo', 'doing') and p.task_name = f.task_name and p.args = f.args)
          and exists (
                select from public.tracks t
                where t.id = (f.args ->> 'track_id')::bigint and t.file_id = f.args ->> 'file_id')
        group by f.queue_name, f.task_name, f.args
    )
    select count(search_internal.defer_job(w.queue_name, w.task_name, w.args, w.priority)) from wanted w;
$$;

--
-- Name: FUNCTION retry_failed_jobs(task text, permanent boolean); Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON FUNCTION search.retry_failed_jobs(task text, permanent boolean) IS 'Enqueue failed jobs anew, of one task or of all, and return how many. Those whose audio cannot be decoded are left alone unless permanent is true; those of tracks that are gone or have other audio by now are dropped.
Example: select search.retry_failed_jobs(''embed_track'')';

--
-- Name: serve_model(text); Type: FUNCTION; Schema: search; Owner: -
--

CREATE FUNCTION search.serve_model(identity text) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'search', 'pg_temp'
    AS $$
begin
    -- two switches at once would each write search.nearest_tracks
    perform pg_advisory_xact_lock(hashtextextended('search.models', 0));
    if not exists (select from search.models m where m.identity = serve_model.identity) then
        raise exception 'no model has the identity %', identity
            using errcode = 'no_data_found', hint = 'select name, identity from search.models';
    end if;
    update search.models m set serving = false, retired_at = now() where m.serving and m.identity <> serve_model.identity;
    update search.models m set serving = true, candidate = false, served_at = now(), retired_at = null
    where m.identity = serve_model.identity and not m.serving;
    perform search_internal.bind_nearest_tracks();
end;
$$;

--
-- Name: FUNCTION serve_model(identity text); Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON FUNCTION search.serve_model(identity text) IS 'Make one registered model the one that search reads, in the caller''s transaction.
Example: select search.serve_model(identity) from search.models where identity = search.previous_model()';

--
-- Name: similar_tracks(bigint, text, integer, bigint[]); Type: FUNCTION; Schema: search; Owner: -
--

CREATE FUNCTION search.similar_tracks(track_id bigint, viewer text DEFAULT NULL::text, k integer DEFAULT 10, candidates bigint[] DEFAULT NULL::bigint[]) RETURNS TABLE(id bigint, title text, artist text, similarity real, near_duplicate boolean, details jsonb)
    LANGUAGE sql STABLE PARALLEL SAFE
    SET search_path TO 'pg_catalog', 'search', 'pg_temp'
    AS $$
    select s.id, s.title, s.artist, s.similarity, s.near_duplicate or s.details ->> 'file_id' = source.file_id, s.details
    from (
        select t.file_id, e.embedding
        from public.tracks t
        join search.embeddings e on e.track_id = t.id
        join search.models m on m.id = e.model_id and m.serving
        where t.id = similar_tracks.track_id
          and search.visible_to(t.visibility, t.artist_did, viewer)
    ) as source
    cross join lateral search.tracks_by_vector(source.embedding, viewer, k + 1, candidates) as s
    where s.id <> similar_tracks.track_id
    order by s.similarity desc, s.id
    limit k;
$$;

--
-- Name: FUNCTION similar_tracks(track_id bigint, viewer text, k integer, candidates bigint[]); Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON FUNCTION search.similar_tracks(track_id bigint, viewer text, k integer, candidates bigint[]) IS 'The k tracks that sound most like a track, the nearest first, never itself; nothing when the viewer may not find it or it has no vector yet. near_duplicate: the same recording, by its file or by its sound.
Example: select title, artist, similarity from search.similar_tracks(1)';

--
-- Name: track_count(text, text); Type: FUNCTION; Schema: search; Owner: -
--

CREATE FUNCTION search.track_count(kind text, key text) RETURNS bigint
    LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE
    SET search_path TO 'pg_catalog', 'search', 'pg_temp'
    SET plan_cache_mode TO 'force_generic_plan'
    AS $$
begin
    return (select max(d.track_count) from search.documents d where d.kind = track_count.kind and d.key = track_count.key)
        + coalesce((select sum(c.change) from search.track_count_changes c
                    where c.kind = track_count.kind and c.key = track_count.key), 0);
end;
$$;

--
-- Name: FUNCTION track_count(kind text, key text); Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON FUNCTION search.track_count(kind text, key text) IS 'Listed tracks that an artist, album, tag or playlist holds.
Example: select search.track_count(''tag'', ''1'')';

--
-- Name: track_tasks(bigint); Type: FUNCTION; Schema: search; Owner: -
--

CREATE FUNCTION search.track_tasks(track_id bigint) RETURNS TABLE(task text, model text, state text, reason text, permanent boolean, attempts integer)
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'search', 'pg_temp'
    AS $$
    with track as (
        select t.id, t.file_id, t.extra from public.tracks t where t.id = track_tasks.track_id
    ), wanted as (
        select 'embed_track' as task, m.identity as model, exists (
                   select from search.embeddings e
                   where e.model_id = m.id and e.track_id = track.id and e.file_id = track.file_id) as done
        from track, search.models m where m.serving
        union all
        select 'classify_genres', '', coalesce(track.extra ->> 'genre_predictions_file_id' = track.file_id, false)
        from track
    ), pending as (
        select j.task_name as task, j.args ->> 'model' as model, bool_or(j.status = 'doing') as running,
               bool_and(j.status = 'todo' and j.queue_name = search_internal.awaited_audio_queue()) as awaiting_audio
        from public.procrastinate_jobs j, track
        where j.args ->> 'track_id' = track_tasks.track_id::text and j.status in ('todo', 'doing')
          and j.args ->> 'file_id' = track.file_id
        group by 1, 2
    )
    select w.task, w.model,
           case when w.done then 'done'
                when bool_or(p.running) then 'running'
                when bool_and(p.awaiting_audio) then 'waiting'
                when bool_or(p.task is not null) then 'queued'
                when bool_or(f.track_id is not null) then 'failed'
                else 'missing' end,
           max(f.reason) filter (where not w.done), coalesce(bool_or(f.permanent) filter (where not w.done), false),
           coalesce(max(f.attempts) filter (where not w.done), 0)
    from wanted w
    cross join track
    -- a job that names no model embeds with the one that serves
    left join pending p on p.task = w.task and coalesce(p.model, w.model) = w.model
    left join search.job_failures f
        on f.track_id = track.id and f.task = w.task and f.model = w.model and f.file_id = track.file_id
    group by w.task, w.model, w.done
    order by w.task desc;
$$;

--
-- Name: FUNCTION track_tasks(track_id bigint); Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON FUNCTION search.track_tasks(track_id bigint) IS 'The tasks on a track''s present audio and how far they are: done, running, queued (a retry of a failed attempt too, with its reason), waiting (for audio that the store does not have yet), failed, or missing where no job will do it, as after search.cancel_jobs or while genres are switched off.
Example: select task, state, reason from search.track_tasks(1)';

--
-- Name: tracks_by_vector(public.halfvec, text, integer, bigint[]); Type: FUNCTION; Schema: search; Owner: -
--

CREATE FUNCTION search.tracks_by_vector(query_embedding public.halfvec, viewer text DEFAULT NULL::text, k integer DEFAULT 10, candidates bigint[] DEFAULT NULL::bigint[]) RETURNS TABLE(id bigint, title text, artist text, similarity real, near_duplicate boolean, details jsonb)
    LANGUAGE sql STABLE PARALLEL SAFE
    SET search_path TO 'pg_catalog', 'search', 'pg_temp'
    AS $$
    select t.id, t.title, a.display_name, n.similarity, n.similarity >= (select search.near_duplicate_similarity()),
           jsonb_build_object(
               'id', t.id, 'title', t.title, 'artist_handle', a.handle, 'artist_display_name', a.display_name,
               'image_url', t.image_url, 'file_id', t.file_id, 'album_title', b.title)
    from search.nearest_tracks(query_embedding, viewer, k, candidates) n
    join public.tracks t on t.id = n.track_id
    join public.artists a on a.did = t.artist_did
    left join public.albums b on b.id = t.album_id
    -- the candidates were chosen by visibility already; this holds should one have changed meanwhile
    where search.visible_to(t.visibility, t.artist_did, viewer)
    order by n.similarity desc, t.id;
$$;

--
-- Name: FUNCTION tracks_by_vector(query_embedding public.halfvec, viewer text, k integer, candidates bigint[]); Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON FUNCTION search.tracks_by_vector(query_embedding public.halfvec, viewer text, k integer, candidates bigint[]) IS 'The k tracks that the viewer may find nearest to a vector of the serving model, with what they are called, the nearest first.
Example: select t.title, t.similarity from search.track_embeddings e, search.tracks_by_vector(e.embedding) t where e.track_id = 1';

--
-- Name: unified(text, public.halfvec, text, text[], integer, double precision, double precision, bigint[]); Type: FUNCTION; Schema: search; Owner: -
--

CREATE FUNCTION search.unified(q text, query_embedding public.halfvec DEFAULT NULL::public.halfvec, viewer text DEFAULT NULL::text, types text[] DEFAULT NULL::text[], max_per_type integer DEFAULT 20, audibility double precision DEFAULT NULL::double precision, min_confidence double precision DEFAULT 0.2, candidates bigint[] DEFAULT NULL::bigint[]) RETURNS TABLE(type text, label text, artist text, tier text, matched text[], relevance real, similarity real, confidence real, key text, details jsonb)
    LANGUAGE plpgsql STABLE PARALLEL SAFE
    SET search_path TO 'pg_catalog', 'search', 'pg_temp'
    SET plan_cache_mode TO 'force_generic_plan'
    SET jit TO 'off'
    AS $$
declare
    kinds constant text[] := coalesce(types, array['track', 'artist', 'album', 'tag', 'playlist']);
    finders constant text[] := search_internal.finders(viewer);
begin
    return query
    with page as materialized (
        select r.*
        from search_internal.ranked_page(
            q, query_embedding, finders, kinds, max_per_type, audibility, min_confidence, candidates) as r
    )
    select hit.kind, hit.label, hit.artist, hit.tier::text, hit.fields, hit.quality, hit.similarity, hit.confidence, hit.key, hit.details
    from (
        select p.*, t.title::text as label, a.display_name::text as artist, jsonb_build_object(
                   'id', t.id, 'title', t.title, 'artist_handle', a.handle, 'artist_display_name', a.display_name,
                   'image_url', t.image_url, 'file_id', t.file_id, 'album_title', b.title) as details
        from page p
        join public.tracks t on t.id = p.key::bigint
        join public.artists a on a.did = t.artist_did
        left join public.albums b on b.id = t.album_id
        where p.kind = 'track'
          -- the candidates were chosen by visibility already; this holds should one have changed meanwhile
          and search_internal.found_by(t.visibility, t.artist_did, finders)
        union all
        select p.*, a.display_name::text, a.handle::text, jsonb_build_object(
                   'did', a.did, 'handle', a.handle, 'display_name', a.display_name, 'avatar_url', a.avatar_url)
        from page p
        join public.artists a on a.did = p.key
        where p.kind = 'artist'
        union all
        select p.*, b.title::text, a.display_name::text, jsonb_build_object(
                   'id', b.id, 'title', b.title, 'slug', b.slug, 'artist_handle', a.handle,
                   'artist_display_name', a.display_name, 'image_url', b.image_url)
        from page p
        join public.albums b on b.id = p.key::search.album_id
        join public.artists a on a.did = b.artist_did
        where p.kind = 'album'
        union all
        select p.*, g.name::text, null, jsonb_build_object(
                   'id', g.id, 'name', g.name, 'track_count', d.track_count + coalesce((
                       select sum(c.change) from search.track_count_changes c where c.kind = 'tag' and c.key = p.key), 0))
        from page p
        join public.tags g on g.id = p.key::bigint
        join search.documents d on d.kind = 'tag' and d.key = p.key and d.field = 'name'
        where p.kind = 'tag'
        union all
        select p.*, l.name::text, a.display_name::text, jsonb_build_object(
                   'id', l.id, 'name', l.name, 'owner_handle', a.handle, 'owner_display_name', a.display_name,
                   'image_url', l.image_url, 'track_count', d.track_count + coalesce((
                       select sum(c.change) from search.track_count_changes c where c.kind = 'playlist' and c.key = p.key), 0))
        from page p
        join public.playlists l on l.id = p.key::search.playlist_id
        join search.documents d on d.kind = 'playlist' and d.key = p.key and d.field = 'name'
        join public.artists a on a.did = l.owner_did
        where p.kind = 'playlist' and search_internal.found_by(l.visibility, l.owner_did, finders)
    ) as hit
    order by hit.position;
end;
$$;

--
-- Name: FUNCTION unified(q text, query_embedding public.halfvec, viewer text, types text[], max_per_type integer, audibility double precision, min_confidence double precision, candidates bigint[]); Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON FUNCTION search.unified(q text, query_embedding public.halfvec, viewer text, types text[], max_per_type integer, audibility double precision, min_confidence double precision, candidates bigint[]) IS 'Everything that a viewer may find for q, by name and, with query_embedding, by sound: each entity once, in its best tier. Before the serving model is calibrated, a q finds names alone; query_embedding without a q finds sounds, with a confidence of null.
Example: select type, label, tier from search.unified(''rain'')';

--
-- Name: unprocessed_tracks(text, text, boolean); Type: FUNCTION; Schema: search; Owner: -
--

CREATE FUNCTION search.unprocessed_tracks(task text, identity text DEFAULT NULL::text, permanent boolean DEFAULT false) RETURNS TABLE(track_id bigint, file_id text, model text, job_id bigint, failed boolean)
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'search', 'pg_temp'
    SET enable_nestloop TO 'off'
    AS $$
    with serving as (
        select m.identity from search.models m where m.serving
    ), lacking as (
        select t.id, t.file_id, m.identity as model
        from public.tracks t, search.models m
        where unprocessed_tracks.task = 'embed_track' and true
          and m.identity = coalesce(unprocessed_tracks.identity, (select s.identity from serving s))
          and not exists (
                select from search.embeddings e
                where e.model_id = m.id and e.track_id = t.id and e.file_id = t.file_id)
        union all
        select t.id, t.file_id, ''
        from public.tracks t
        where unprocessed_tracks.task = 'classify_genres' and true
          and t.extra ->> 'genre_predictions_file_id' is distinct from t.file_id
    ), pending as (
        -- a job that names no model embeds with the one that serves
        select (j.args ->> 'track_id')::bigint as track_id, j.args ->> 'file_id' as file_id, max(j.id) as job_id,
               case when j.task_name = 'embed_track'
                    then coalesce(j.args ->> 'model', (select s.identity from serving s)) else '' end as model
        from public.procrastinate_jobs j
        where j.task_name = unprocessed_tracks.task and j.status in ('todo', 'doing')
        group by 1, 2, 4
    )
    select l.id, l.file_id, l.model, p.job_id, f.track_id is not null
    from lacking l
    left join pending p on p.track_id = l.id and p.file_id = l.file_id and p.model = l.model
    left join search.job_failures f
        on f.track_id = l.id and f.file_id = l.file_id and f.task = unprocessed_tracks.task and f.model = l.model
    where unprocessed_tracks.permanent or not coalesce(f.permanent, false);
$$;

--
-- Name: FUNCTION unprocessed_tracks(task text, identity text, permanent boolean); Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON FUNCTION search.unprocessed_tracks(task text, identity text, permanent boolean) IS 'The tracks whose present audio lacks the result of a task that they are to have, embed_track in a model, the serving one unless another is named, or classify_genres; the job of each that waits or runs, and whether an attempt has failed. Those whose audio cannot be decoded are among them only with permanent true.
Example: select track_id, failed from search.unprocessed_tracks(''embed_track'')';

--
-- Name: visible_to(text, text, text); Type: FUNCTION; Schema: search; Owner: -
--

CREATE FUNCTION search.visible_to(visibility text, did text, viewer text) RETURNS boolean
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN COALESCE((search.is_listed(visibility) OR (search.private_owner(visibility, did) = viewer) OR (search_internal.audience(visibility) = ANY (search_internal.finders(viewer)))), false);

--
-- Name: FUNCTION visible_to(visibility text, did text, viewer text); Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON FUNCTION search.visible_to(visibility text, did text, viewer text) IS 'Whether a viewer may find a row of this visibility and owner; a null viewer is anonymous.
Example: select id, title from tracks t where search.visible_to(t.visibility, t.artist_did, null)';

--
-- Name: add_tags(bigint, text[]); Type: FUNCTION; Schema: search_internal; Owner: -
--

CREATE FUNCTION search_internal.add_tags(track_id bigint, names text[]) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'search', 'pg_temp'
    AS $$
begin
    perform set_config('search.acting_artist', t.artist_did, true) from public.tracks t where t.id = add_tags.track_id;
    -- in one order for everybody: two that add the same tags in different ones would wait for each other for ever
    insert into public.tags (name)
    select n.name from unnest(names) as n (name)
    where not exists (select from public.tags g where lower(g.name) = lower(n.name))
    order by n.name
    on conflict (name) do nothing;

    insert into public.track_tags (track_id, tag_id)
    select add_tags.track_id, min(g.id)
    from unnest(names) as n (name)
    join public.tags g on lower(g.name) = lower(n.name)
    where not exists (
        select from public.track_tags tt join public.tags own on own.id = tt.tag_id
        where tt.track_id = add_tags.track_id and lower(own.name) = lower(n.name))
    group by lower(n.name)
    order by min(g.id)
    on conflict do nothing;
end;
$$;

--
-- Name: FUNCTION add_tags(track_id bigint, names text[]); Type: COMMENT; Schema: search_internal; Owner: -
--

COMMENT ON FUNCTION search_internal.add_tags(track_id bigint, names text[]) IS 'Put tags on a track beside those that it has, whatever their case; tags that do not exist are made.';

--
-- Name: deletions(text); Type: FUNCTION; Schema: search_internal; Owner: -
--

CREATE FUNCTION search_internal.deletions(word text) RETURNS SETOF text
    LANGUAGE plpgsql IMMUTABLE STRICT ROWS 30 PARALLEL SAFE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
    letters constant integer := char_length(word);
    found text[] := array[word];
    rest text;
begin
    if letters between 4 and 40 then
        for place in 1 .. letters loop
            rest := overlay(word placing '' from place for 1);
            found := found || rest;
            if letters between 7 and 20 then
                for other in place .. letters - 1 loop
                    found := found || overlay(rest placing '' from other for 1);
                end loop;
            end if;
        end loop;
    end if;
    return query select distinct unnest(found);
end;
$$;

--
-- Name: FUNCTION deletions(word text); Type: COMMENT; Schema: search_internal; Owner: -
--

COMMENT ON FUNCTION search_internal.deletions(word text) IS 'A word, the word with one letter left out (4 to 40 letters), and with two (7 to 20 letters).';

--
-- Name: word_deletions; Type: TABLE; Schema: search; Owner: -
--

CREATE TABLE search.word_deletions (
    deletion text NOT NULL COLLATE pg_catalog."C",
    word text NOT NULL COLLATE pg_catalog."C"
);

--
-- Name: TABLE word_deletions; Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON TABLE search.word_deletions IS 'Each word with one letter left out, long words also with two: words that are a typo apart share an entry (symmetric deletion, as in Garbe''s SymSpell).';

--
-- Name: words; Type: TABLE; Schema: search; Owner: -
--

CREATE TABLE search.words (
    word text NOT NULL COLLATE pg_catalog."C",
    documents bigint,
    popularity bigint
);

--
-- Name: TABLE words; Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON TABLE search.words IS 'The words of all listed names. search_internal.fold_word_counts() removes a word whose last name is gone.';

--
-- Name: COLUMN words.documents; Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON COLUMN search.words.documents IS 'Listed names that have the word, as of the last search_internal.fold_word_counts().';

--
-- Name: COLUMN words.popularity; Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON COLUMN search.words.popularity IS 'Sum of 4 ^ level over these names: about the plays of what is called so. The likelier of two corrections has more.';

--
-- Name: add_words(text[], bigint[], bigint[], text[]); Type: FUNCTION; Schema: search_internal; Owner: -
--

CREATE FUNCTION search_internal.add_words(words text[], documents bigint[], popularities bigint[], known text[]) RETURNS text[]
    LANGUAGE sql
    SET search_path TO 'pg_catalog', 'search', 'pg_temp'
    BEGIN ATOMIC
 WITH added AS (
          INSERT INTO search.words (word, documents, popularity)  SELECT c.word,
                     c.documents,
                     c.popularity
                    FROM UNNEST(add_words.words, add_words.documents, add_words.popularities) c(word, documents, popularity)
                   WHERE ((c.documents > 0) AND (c.word <> ALL (add_words.known)))
                   ORDER BY c.word ON CONFLICT DO NOTHING
           RETURNING words.word
         ), near AS (
          INSERT INTO search.word_deletions (deletion, word)  SELECT deletion.deletion,
                     added_1.word
                    FROM added added_1,
                     LATERAL search_internal.deletions(added_1.word) deletion(deletion)
         )
  SELECT COALESCE(array_agg(added.word), '{}'::text[]) AS "coalesce"
    FROM added;
END;

--
-- Name: FUNCTION add_words(words text[], documents bigint[], popularities bigint[], known text[]); Type: COMMENT; Schema: search_internal; Owner: -
--

COMMENT ON FUNCTION search_internal.add_words(words text[], documents bigint[], popularities bigint[], known text[]) IS 'Add to the vocabulary those of the words that are not known, and return them.';

--
-- Name: albums_seen(search.album_id[]); Type: FUNCTION; Schema: search_internal; Owner: -
--

CREATE FUNCTION search_internal.albums_seen(album_ids search.album_id[]) RETURNS TABLE(album_id search.album_id, listed boolean, owner text, audience text)
    LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE
    SET search_path TO 'pg_catalog', 'search', 'pg_temp'
    SET plan_cache_mode TO 'force_generic_plan'
    AS $$
begin
    return query
    select a.id::search.album_id, seen.by_all,
           case when not seen.by_all and (search.private_owner('public', a.artist_did) is not null or exists (
               select from public.tracks t
               where t.album_id = a.id and search.private_owner(t.visibility, t.artist_did) is not null
           )) and search_internal.is_findable('public') then a.artist_did::text end,
           -- of several groups one: each album is found by too few rather than by too many
           case when not seen.by_all and search_internal.is_findable('public') then coalesce(
               search_internal.audience('public'),
               case when search.is_listed('public') then (
                   select min(search_internal.audience(t.visibility)) from public.tracks t where t.album_id = a.id) end) end
    from public.albums a
    cross join lateral (
        select search.is_listed('public')
           and exists (select from public.tracks t where t.album_id = a.id and search.is_listed(t.visibility))
    ) as seen (by_all)
    where a.id = any (album_ids);
end;
$$;

--
-- Name: FUNCTION albums_seen(album_ids search.album_id[]); Type: COMMENT; Schema: search_internal; Owner: -
--

COMMENT ON FUNCTION search_internal.albums_seen(album_ids search.album_id[]) IS 'Who may find an album: all when it holds a listed track, else its artist when it holds a private one, and the group that may find one of its tracks.';

--
-- Name: in_context(text); Type: FUNCTION; Schema: search_internal; Owner: -
--

CREATE FUNCTION search_internal.in_context(query text) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN replace(query, chr(1), chr(2));

--
-- Name: FUNCTION in_context(query text); Type: COMMENT; Schema: search_internal; Owner: -
--

COMMENT ON FUNCTION search_internal.in_context(query text) IS 'The same query for words of the context, whose place is held by chr(2).';

--
-- Name: all_terms(text[], boolean); Type: FUNCTION; Schema: search_internal; Owner: -
--

CREATE FUNCTION search_internal.all_terms(forms text[], or_context boolean) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN (SELECT string_agg(CASE WHEN all_terms.or_context THEN (((('('::text || form.form) || ' | '::text) || search_internal.in_context(form.form)) || ')'::text) ELSE form.form END, ' & '::text) AS string_agg FROM unnest(all_terms.forms) form(form));

--
-- Name: FUNCTION all_terms(forms text[], or_context boolean); Type: COMMENT; Schema: search_internal; Owner: -
--

COMMENT ON FUNCTION search_internal.all_terms(forms text[], or_context boolean) IS 'Text of a tsquery for all of the forms, in the name or also in the context.';

--
-- Name: artists_with_audio(text); Type: FUNCTION; Schema: search_internal; Owner: -
--

CREATE FUNCTION search_internal.artists_with_audio(file_id text) RETURNS text[]
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'search', 'pg_temp'
    AS $$
    -- all tracks of the file are read once, however many there are
    with used as materialized (
        select t.id, t.artist_did::text as artist, t.visibility in ('public', 'unlisted') as open
        from public.tracks t where t.file_id = artists_with_audio.file_id
    ),
    closed as (
        select array_agg(distinct u.artist) as artists from used u where u.open is not true
    ),
    uploaded as (
        select array_agg(distinct u.artist_did) as artists
        from search.audio_uploads u where u.file_id = artists_with_audio.file_id
    )
    select coalesce(array_agg(distinct u.artist), '{}')
    from used u, closed, uploaded
    where closed.artists is null or closed.artists = array[u.artist] or u.artist = any (uploaded.artists)
       or uploaded.artists is null and u.artist = (select f.artist from used f order by f.id limit 1);
$$;

--
-- Name: FUNCTION artists_with_audio(file_id text); Type: COMMENT; Schema: search_internal; Owner: -
--

COMMENT ON FUNCTION search_internal.artists_with_audio(file_id text) IS 'The artists whose tracks may open a file: those who have uploaded it, and those beside whom no other artist has a closed track with it. Where no upload is known, the artist of the first track with the file counts as having uploaded it.';

--
-- Name: token_prefix(text, integer, boolean); Type: FUNCTION; Schema: search_internal; Owner: -
--

CREATE FUNCTION search_internal.token_prefix(kind text, level integer, in_context boolean DEFAULT false) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    SET search_path TO 'pg_catalog', 'pg_temp'
    RETURN (CASE WHEN in_context THEN upper("left"(kind, 2)) ELSE "left"(kind, 2) END || chr((97 + level)));

--
-- Name: FUNCTION token_prefix(kind text, level integer, in_context boolean); Type: COMMENT; Schema: search_internal; Owner: -
--

COMMENT ON FUNCTION search_internal.token_prefix(kind text, level integer, in_context boolean) IS 'Three letters before each word of a token: two of the kind (capital for words of the context), one of the level.';

--
-- Name: context_alternatives(); Type: FUNCTION; Schema: search_internal; Owner: -
--

CREATE FUNCTION search_internal.context_alternatives() RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    SET search_path TO 'pg_catalog', 'search', 'pg_temp'
    RETURN (('('::text || (SELECT string_agg(((''''::text || search_internal.token_prefix(kind.kind, level.level, true)) || '\1'''::text), ' | '::text) AS string_agg FROM unnest(ARRAY['track'::text, 'album'::text, 'playlist'::text]) kind(kind), generate_series(0, 6) level(level))) || ')'::text);

--
-- Name: FUNCTION context_alternatives(); Type: COMMENT; Schema: search_internal; Owner: -
--

COMMENT ON FUNCTION search_internal.context_alternatives() IS 'What stands for a word of the context, \1, in a query for all kinds and levels: the 21 tokens that it may be.';

--
-- Name: at_any_level(text); Type: FUNCTION; Schema: search_internal; Owner: -
--

CREATE FUNCTION search_internal.at_any_level(query text) RETURNS tsquery
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN (regexp_replace(replace(query, chr(1), '='::text), ((''''::text || chr(2)) || '((?:[^'']|'''')*)'''::text), search_internal.context_alternatives(), 'g'::text))::tsquery;

--
-- Name: FUNCTION at_any_level(query text); Type: COMMENT; Schema: search_internal; Owner: -
--

COMMENT ON FUNCTION search_internal.at_any_level(query text) IS 'A query of search_internal.all_terms for the documents of all kinds and levels.';

--
-- Name: at_level(text, text, integer); Type: FUNCTION; Schema: search_internal; Owner: -
--

CREATE FUNCTION search_internal.at_level(query text, kind text, level integer) RETURNS tsquery
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN (replace(replace(query, chr(1), search_internal.token_prefix(kind, level)), chr(2), search_internal.token_prefix(kind, level, true)))::tsquery;

--
-- Name: FUNCTION at_level(query text, kind text, level integer); Type: COMMENT; Schema: search_internal; Owner: -
--

COMMENT ON FUNCTION search_internal.at_level(query text, kind text, level integer) IS 'A query of search_internal.all_terms for the documents of one kind and level.';

--
-- Name: await_renames(text, text[]); Type: FUNCTION; Schema: search_internal; Owner: -
--

CREATE FUNCTION search_internal.await_renames(kind text, keys text[]) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'search', 'pg_temp'
    SET plan_cache_mode TO 'force_generic_plan'
    SET enable_seqscan TO 'off'
    AS $$
begin
    -- counting and listing do not conflict with this, and many may hold it: uploads of an artist do not wait for each other
    perform from search.documents d
    where d.kind = await_renames.kind and d.key = any (keys) order by d.key, d.field for key share;
end;
$$;

--
-- Name: FUNCTION await_renames(kind text, keys text[]); Type: COMMENT; Schema: search_internal; Owner: -
--

COMMENT ON FUNCTION search_internal.await_renames(kind text, keys text[]) IS 'Wait for whoever is giving these entities another name, and keep others from it until the end: what is about to take their names into its document would miss the new one.';

--
-- Name: await_renames_around(bigint[]); Type: FUNCTION; Schema: search_internal; Owner: -
--

CREATE FUNCTION search_internal.await_renames_around(track_ids bigint[]) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'search', 'pg_temp'
    SET plan_cache_mode TO 'force_generic_plan'
    SET enable_seqscan TO 'off'
    AS $$
begin
    perform search_internal.await_renames('artist', array(select distinct t.artist_did::text from public.tracks t where t.id = any (track_ids)));
    perform search_internal.await_renames(
        'album', array(select distinct t.album_id::text from public.tracks t where t.id = any (track_ids) and t.album_id is not null));
    perform search_internal.await_renames('tag', array(select distinct tt.tag_id::text from public.track_tags tt where tt.track_id = any (track_ids)));
end;
$$;

--
-- Name: FUNCTION await_renames_around(track_ids bigint[]); Type: COMMENT; Schema: search_internal; Owner: -
--

COMMENT ON FUNCTION search_internal.await_renames_around(track_ids bigint[]) IS 'As search_internal.await_renames, for the artists, albums and tags of tracks.';

--
-- Name: awaited_audio_queue(); Type: FUNCTION; Schema: search_internal; Owner: -
--

CREATE FUNCTION search_internal.awaited_audio_queue() RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN 'awaited_audio'::text;

--
-- Name: FUNCTION awaited_audio_queue(); Type: COMMENT; Schema: search_internal; Owner: -
--

COMMENT ON FUNCTION search_internal.awaited_audio_queue() IS 'Queue of the jobs whose audio the store does not have yet. They look again after growing waits, until AUDIO_WAIT_HOURS are over.';

--
-- Name: begin_mirror_namespace(text); Type: FUNCTION; Schema: search_internal; Owner: -
--

CREATE FUNCTION search_internal.begin_mirror_namespace(base text) RETURNS text
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'search', 'pg_temp'
    AS $$
declare
    next_generation integer;
    begun text;
begin
    if exists (select from search.mirror_namespaces n where n.state = 'filling')
       or not exists (select from search.models m where m.serving) then
        return null;
    end if;
    -- taken first, for the name may contain it
    next_generation := nextval(pg_get_serial_sequence('search.mirror_namespaces', 'generation'));
    insert into search.mirror_namespaces as n (generation, name, model_id)
    overriding system value
    select next_generation,
           -- a name is never used twice, so that a late write finds no other namespace under it
           case when exists (select from search.mirror_namespaces u where u.name = base)
                then base || '-' || next_generation else base end,
           m.id
    from search.models m
    where m.serving
    -- another transaction may have begun one since
    on conflict (state) where state = 'filling' do nothing
    returning n.name into begun;
    return begun;
end;
$$;

--
-- Name: FUNCTION begin_mirror_namespace(base text); Type: COMMENT; Schema: search_internal; Owner: -
--

COMMENT ON FUNCTION search_internal.begin_mirror_namespace(base text) IS 'Begin a namespace for the serving model, to be filled, under a name that was never used: the given one, or that with a number. Returns the name, or null when no model serves or a namespace is being filled already.';

--
-- Name: begin_switch(text, text, integer, real); Type: FUNCTION; Schema: search_internal; Owner: -
--

CREATE FUNCTION search_internal.begin_switch(name text, identity text, dimensions integer, coverage_wanted real DEFAULT 1) RETURNS bigint
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'search', 'pg_temp'
    AS $$
begin
    perform search.register_model(name, identity, dimensions);
    return search.request_model(identity, coverage_wanted);
end;
$$;

--
-- Name: FUNCTION begin_switch(name text, identity text, dimensions integer, coverage_wanted real); Type: COMMENT; Schema: search_internal; Owner: -
--

COMMENT ON FUNCTION search_internal.begin_switch(name text, identity text, dimensions integer, coverage_wanted real) IS 'Register a model and make it the candidate to serve next; returns how many tracks are to be embedded by it.';

--
-- Name: begins_a_word(text[], text); Type: FUNCTION; Schema: search_internal; Owner: -
--

CREATE FUNCTION search_internal.begins_a_word(typed text[], names text) RETURNS boolean
    LANGUAGE sql STABLE STRICT PARALLEL SAFE
    RETURN (EXISTS (SELECT FROM unnest(string_to_array(search.normalize_text(begins_a_word.names), ' '::text)) word(word), unnest(begins_a_word.typed) begun(begun) WHERE starts_with(word.word, begun.begun)));

--
-- Name: FUNCTION begins_a_word(typed text[], names text); Type: COMMENT; Schema: search_internal; Owner: -
--

COMMENT ON FUNCTION search_internal.begins_a_word(typed text[], names text) IS 'Whether one of the typed words begins a word of the names.';

--
-- Name: begun_term(text, integer, boolean); Type: FUNCTION; Schema: search_internal; Owner: -
--

CREATE FUNCTION search_internal.begun_term(begun text, most integer, beside_others boolean) RETURNS text
    LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE
    SET search_path TO 'pg_catalog', 'search', 'pg_temp'
    AS $$
declare
    -- Reading all that begin so costs as much as all their documents. Beside other common words, those
    -- of the commonest fill a page.
    common constant text[] := case when beside_others then array(
        select c.word from search.common_words c
        where c.word >= begun and c.word < begun || chr(1114111)
        order by c.documents desc, c.word
        limit most) end;
begin
    if cardinality(common) > 0 then
        return search_internal.word_terms(case when begun = any (common) then common else common || begun end);
    end if;
    return search_internal.word_term(begun, true);
end;
$$;

--
-- Name: FUNCTION begun_term(begun text, most integer, beside_others boolean); Type: COMMENT; Schema: search_internal; Owner: -
--

COMMENT ON FUNCTION search_internal.begun_term(begun text, most integer, beside_others boolean) IS 'Text of a tsquery for the words that begin so: the commonest of them beside other words, all where there is no other word.';

--
-- Name: begun_word(); Type: FUNCTION; Schema: search_internal; Owner: -
--

CREATE FUNCTION search_internal.begun_word() RETURNS integer
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN 1;

--
-- Name: FUNCTION begun_word(); Type: COMMENT; Schema: search_internal; Owner: -
--

COMMENT ON FUNCTION search_internal.begun_word() IS 'Class of a name in which the last typed word is only begun.';

--
-- Name: bind_nearest_tracks(); Type: FUNCTION; Schema: search_internal; Owner: -
--

CREATE FUNCTION search_internal.bind_nearest_tracks() RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'search', 'pg_temp'
    AS $_$
declare
    serving search.models;
    described constant text :=
        'The k tracks that the viewer may find whose vectors are nearest to the query''s, by cosine similarity, in the serving model: '
        'of all, by the index, or of candidates that a mirror has named and of what it does not know yet.
Example: select n.track_id, n.similarity from search.track_embeddings e, search.nearest_tracks(e.embedding) n where e.track_id = 1';
begin
    -- of two that write the function at once, one would fail; serve_model holds this lock already
    perform pg_advisory_xact_lock(hashtextextended('search.models', 0));
    select * into serving from search.models m where m.serving;
    if not found then
        execute $empty$
            create or replace function search.nearest_tracks(
                query_embedding public.halfvec, viewer text default null, k integer default 20, candidates bigint[] default null)
            returns table (track_id bigint, similarity real)
            language sql stable parallel safe
            begin atomic select null::bigint, null::real where false; end
        $empty$;
        execute format('comment on function search.nearest_tracks(public.halfvec, text, integer, bigint[]) is %L', described);
        return;
    end if;

    -- a role that is no superuser may set an extension's parameter only once its library is loaded
    perform '[1]'::public.halfvec;

    -- Written anew at each switch, so that the statement names one partition and one cast:
    -- a parameter in their place would keep the index from being used.
    execute format($template$
        create or replace function search.nearest_tracks(
            query_embedding public.halfvec, viewer text default null, k integer default 20, candidates bigint[] default null)
        returns table (track_id bigint, similarity real)
        language plpgsql stable parallel safe
        set search_path = pg_catalog, search, pg_temp
        set hnsw.ef_search = 200
        set hnsw.iterative_scan = strict_order
        as $body$
        declare
            finders constant text[] := search_internal.finders(viewer);
        begin
            if query_embedding is null then
                return;
            end if;
            -- functions are looked up anew while a statement runs, its rows are not: between the two a switch may commit
            if not exists (select from search.models m where m.id = %1$s and m.serving) then
                raise exception 'the serving model was changed while this statement ran'
                    using errcode = 'serialization_failure', hint = 'Run it again.';
            end if;
            if public.vector_dims(query_embedding) <> %2$s then
                raise exception 'the query vector has %% dimensions, the serving model (%%) has %2$s',
                    public.vector_dims(query_embedding), (select m.identity from search.models m where m.id = %1$s)
                    using errcode = 'data_exception', hint = 'Embed the query with the model that serves.';
            end if;
            -- of the candidates some may not be listed any more, and a page must not be short for that: then the index is asked
            if candidates is not null
               and (select count(*) from search.embeddings_%1$s e where e.track_id = any (candidates) and e.listed) >= k then
                candidates := candidates || search_internal.unmirrored_tracks();
                return query
                    select found.track_id, (1 - found.distance)::real
                    from (
                        select e.track_id, e.embedding operator(public.<=>) query_embedding as distance
                        from search.embeddings_%1$s e
                        where e.track_id = any (candidates) and e.listed
                        union all
                        select e.track_id, e.embedding operator(public.<=>) query_embedding
                        from search.embeddings_%1$s e
                        where (e.owner = any (finders) or e.audience = any (finders))
                    ) as found
                    order by found.distance, found.track_id
                    limit k;
                return;
            end if;
            return query
                select found.track_id, (1 - found.distance)::real
                from (
                    (select e.track_id, e.embedding::public.halfvec(%2$s) operator(public.<=>) query_embedding as distance
                     from search.embeddings_%1$s e
                     where e.listed
                     order by e.embedding::public.halfvec(%2$s) operator(public.<=>) query_embedding
                     limit k)
                    union all
                    (select e.track_id, e.embedding operator(public.<=>) query_embedding
                     from search.embeddings_%1$s e
                     where (e.owner = any (finders) or e.audience = any (finders))
                     order by e.embedding operator(public.<=>) query_embedding
                     limit k)
                ) as found
                order by found.distance, found.track_id
                limit k;
        end;
        $body$
        $template$, serving.id, serving.dimensions, replace(replace(serving.identity, '%', '%%'), '''', ''''''));
    execute format('comment on function search.nearest_tracks(public.halfvec, text, integer, bigint[]) is %L', described);
end;
$_$;

--
-- Name: FUNCTION bind_nearest_tracks(); Type: COMMENT; Schema: search_internal; Owner: -
--

COMMENT ON FUNCTION search_internal.bind_nearest_tracks() IS 'Point search.nearest_tracks at the store of the serving model.';

--
-- Name: change_track_counts(bigint[], integer); Type: FUNCTION; Schema: search_internal; Owner: -
--

CREATE FUNCTION search_internal.change_track_counts(changed_tracks bigint[], change integer) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'search', 'pg_temp'
    SET plan_cache_mode TO 'force_generic_plan'
    AS $$
begin
    insert into search.track_count_changes (kind, key, change)
    select 'tag', tt.tag_id::text, change * count(*)
    from public.track_tags tt where tt.track_id = any (changed_tracks) group by tt.tag_id
    union all
    select 'playlist', pt.playlist_id::text, change * count(*)
    from public.playlist_tracks pt where pt.track_id = any (changed_tracks) group by pt.playlist_id
    having search_internal.own_track_count(pt.playlist_id::text) is null;
end;
$$;

--
-- Name: FUNCTION change_track_counts(changed_tracks bigint[], change integer); Type: COMMENT; Schema: search_internal; Owner: -
--

COMMENT ON FUNCTION search_internal.change_track_counts(changed_tracks bigint[], change integer) IS 'Count tracks that were listed or hidden for their tags and playlists.';

--
-- Name: change_word_counts(text[], smallint[], integer[]); Type: FUNCTION; Schema: search_internal; Owner: -
--

CREATE FUNCTION search_internal.change_word_counts(names text[], levels smallint[], changes integer[]) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'search', 'pg_temp'
    AS $$
declare
    counted record;
    known text[];
    fresh text[] := '{}';
begin
    select array_agg(c.word) as words, array_agg(c.documents) as documents, array_agg(c.popularity) as popularities,
           array_agg(c.word) filter (where c.documents > 0) as gained
    into counted
    from (
        select w.word, sum(n.change) as documents, sum(n.change * (1::bigint << 2 * n.level))::bigint as popularity
        from unnest(names, levels, changes) as n (name, level, change)
        cross join lateral (select distinct word from string_to_table(n.name, ' ') as word where word <> '') as w
        group by w.word
        having sum(n.change) <> 0 or sum(n.change * (1::bigint << 2 * n.level)) <> 0
        order by w.word
    ) as c;
    if counted.words is null then
        return;
    end if;
    loop
        -- Kept until the end of the transaction: search_internal.fold_word_counts() does not remove what is being counted.
        -- Locked and added in the order of the words, so that two writers wait for each other instead of deadlocking.
        known := array(select w.word from search.words w where w.word = any (counted.gained) order by w.word for key share);
        exit when cardinality(known) = coalesce(cardinality(counted.gained), 0);
        fresh := fresh || search_internal.add_words(counted.words, counted.documents, counted.popularities, known);
    end loop;
    insert into search.word_count_changes (word, documents, popularity)
    select c.word, c.documents, c.popularity
    from unnest(counted.words, counted.documents, counted.popularities) as c (word, documents, popularity)
    where c.word <> all (fresh);
end;
$$;

--
-- Name: FUNCTION change_word_counts(names text[], levels smallint[], changes integer[]); Type: COMMENT; Schema: search_internal; Owner: -
--

COMMENT ON FUNCTION search_internal.change_word_counts(names text[], levels smallint[], changes integer[]) IS 'Count the words of normalised listed names, each with its level: change is 1 for a name that came, -1 for one that went.';

--
-- Name: choose_auto_tags(jsonb); Type: FUNCTION; Schema: search_internal; Owner: -
--

CREATE FUNCTION search_internal.choose_auto_tags(predictions jsonb) RETURNS text[]
    LANGUAGE sql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    select coalesce(array_agg(chosen.name order by chosen.confidence desc, chosen.place), '{}')
    from (
        select p.value ->> 'name' as name, (p.value ->> 'confidence')::real as confidence, p.place
        from jsonb_array_elements(predictions) with ordinality as p (value, place)
        where (p.value ->> 'confidence')::real >= 0.5 * (
            select max((q ->> 'confidence')::real) from jsonb_array_elements(predictions) q)
        order by 2 desc, 3
        limit 5
    ) as chosen;
$$;

--
-- Name: FUNCTION choose_auto_tags(predictions jsonb); Type: COMMENT; Schema: search_internal; Owner: -
--

COMMENT ON FUNCTION search_internal.choose_auto_tags(predictions jsonb) IS 'The names of predictions that become tags by themselves: those with at least half of the best one''s confidence, five at most.';

--
-- Name: claim_track(text, text, bigint); Type: FUNCTION; Schema: search_internal; Owner: -
--

CREATE FUNCTION search_internal.claim_track(task text, model text, track_id bigint) RETURNS TABLE(file_id text, key bigint, claimed boolean)
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'search', 'pg_temp'
    AS $$
begin
    select t.file_id into file_id from public.tracks t where t.id = claim_track.track_id;
    if not found then
        return;
    end if;
    key := hashtextextended(concat_ws(' ', 'search.backfill', task, model, track_id), 0);
    if exists (
        select from public.procrastinate_jobs j
        -- the job of a worker that has died is left for the taking
        join public.procrastinate_workers w on w.id = j.worker_id and w.last_heartbeat > now() - interval '30 seconds'
        where j.status = 'doing' and j.task_name = claim_track.task
          and j.args ->> 'track_id' = claim_track.track_id::text
          and coalesce(j.args ->> 'model', claim_track.model) = claim_track.model)
    then
        claimed := false;
    else
        -- ends with the session at the latest, so one that was killed holds nothing
        claimed := pg_try_advisory_lock(key);
    end if;
    return next;
end;
$$;

--
-- Name: FUNCTION claim_track(task text, model text, track_id bigint); Type: COMMENT; Schema: search_internal; Owner: -
--

COMMENT ON FUNCTION search_internal.claim_track(task text, model text, track_id bigint) IS 'Claim a track for this session, unless another session has claimed it or a living worker is running the task on it. Returns the audio, the key to give to pg_advisory_unlock, and whether it was claimed; no row when the track is gone.';

--
-- Name: logistic(double precision); Type: FUNCTION; Schema: search_internal; Owner: -
--

CREATE FUNCTION search_internal.logistic(log_odds double precision) RETURNS double precision
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN ((1)::double precision / ((1)::double precision + exp((- GREATEST(('-700'::integer)::double precision, LEAST((700)::double precision, log_odds))))));

--
-- Name: FUNCTION logistic(log_odds double precision); Type: COMMENT; Schema: search_internal; Owner: -
--

COMMENT ON FUNCTION search_internal.logistic(log_odds double precision) IS 'Probability for log-odds.';

--
-- Name: confidence(real, real, real, real, real, real); Type: FUNCTION; Schema: search_internal; Owner: -
--

CREATE FUNCTION search_internal.confidence(similarity real, mean real, deviation real, slope real, intercept real, audible real DEFAULT 1) RETURNS real
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN ((audible * search_internal.logistic(((((slope * (similarity - mean)) / deviation) + intercept))::double precision)))::real;

--
-- Name: FUNCTION confidence(similarity real, mean real, deviation real, slope real, intercept real, audible real); Type: COMMENT; Schema: search_internal; Owner: -
--

COMMENT ON FUNCTION search_internal.confidence(similarity real, mean real, deviation real, slope real, intercept real, audible real) IS 'How far a similarity can be trusted, 0 to 1: logistic(slope * z + intercept), z being its standard score, times the probability that the text speaks of sound. Platt (1999) for the logistic, T-norm''s sibling Z-norm for z: docs/why/confidence.md.';

--
-- Name: context_word(); Type: FUNCTION; Schema: search_internal; Owner: -
--

CREATE FUNCTION search_internal.context_word() RETURNS integer
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN 2;

--
-- Name: FUNCTION context_word(); Type: COMMENT; Schema: search_internal; Owner: -
--

COMMENT ON FUNCTION search_internal.context_word() IS 'Class of a name that has one of the typed words, while the others are in the names of what the entity belongs to.';

--
-- Name: count_tracks(text, text[]); Type: FUNCTION; Schema: search_internal; Owner: -
--

CREATE FUNCTION search_internal.count_tracks(kind text, keys text[]) RETURNS TABLE(key text, listed bigint)
    LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE
    SET search_path TO 'pg_catalog', 'search', 'pg_temp'
    SET plan_cache_mode TO 'force_generic_plan'
    AS $$
begin
    return query
    select k, case kind
        when 'artist' then (select count(*) from public.tracks t where t.artist_did = k and search.is_listed(t.visibility))
        when 'album' then (select count(*) from public.tracks t
            where t.album_id = case when kind = 'album' then k::search.album_id end and search.is_listed(t.visibility))
        when 'tag' then (select count(*) from public.track_tags tt join public.tracks t on t.id = tt.track_id
            where tt.tag_id = case when kind = 'tag' then k::bigint end and search.is_listed(t.visibility))
        when 'playlist' then coalesce(search_internal.own_track_count(k), (
            select count(*) from public.playlist_tracks pt join public.tracks t on t.id = pt.track_id
            where pt.playlist_id = case when kind = 'playlist' then k::search.playlist_id end and search.is_listed(t.visibility)))
        end
    from unnest(keys) as k;
end;
$$;

--
-- Name: FUNCTION count_tracks(kind text, keys text[]); Type: COMMENT; Schema: search_internal; Owner: -
--

COMMENT ON FUNCTION search_internal.count_tracks(kind text, keys text[]) IS 'The listed tracks of each of these entities, counted in the catalogue.';

--
-- Name: count_words(); Type: FUNCTION; Schema: search_internal; Owner: -
--

CREATE FUNCTION search_internal.count_words() RETURNS bigint
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'search', 'pg_temp'
    AS $$
declare
    counted bigint;
begin
    perform pg_advisory_xact_lock(hashtextextended('search.words', 0));
    -- One statement: names and changes are seen as of one moment. What a writer has not committed then is in its changes.
    with superseded as (
        delete from search.word_count_changes
    ),
    counts as (
        select w.word, count(*) as documents, sum(1::bigint << 2 * d.level) as popularity
        from search.documents d
        cross join lateral (select distinct word from string_to_table(d.normalized, ' ') as word where word <> '') as w
        where d.listed
        group by w.word
    )
    update search.words w
    set documents = coalesce(c.documents, 0), popularity = coalesce(c.popularity, 0)
    from search.words known left join counts c on c.word = known.word
    where w.word = known.word
      and (w.documents, w.popularity) is distinct from (coalesce(c.documents, 0), coalesce(c.popularity, 0));
    get diagnostics counted = row_count;
    insert into search.word_count_changes (word, documents, popularity)
    select w.word, 0, 0 from search.words w where w.documents <= 0;
    perform search_internal.fold_word_counts();
    return counted;
end;
$$;

--
-- Name: FUNCTION count_words(); Type: COMMENT; Schema: search_internal; Owner: -
--

COMMENT ON FUNCTION search_internal.count_words() IS 'Count the words of all listed names anew, while others write to the catalogue, and return how many counts were wrong.';

--
-- Name: defer_job(text, text, jsonb, integer); Type: FUNCTION; Schema: search_internal; Owner: -
--

CREATE FUNCTION search_internal.defer_job(queue text, task text, arguments jsonb, priority integer DEFAULT 0) RETURNS bigint
    LANGUAGE sql
    SET search_path TO 'pg_catalog', 'search', 'pg_temp'
    AS $$
    -- the only place that knows the version in the name of the queue's own function
    select (public.procrastinate_defer_jobs_v1(array[
        row(queue, task, priority, null, null, arguments, null)::public.procrastinate_job_to_defer_v1
    ]))[1];
$$;

--
-- Name: FUNCTION defer_job(queue text, task text, arguments jsonb, priority integer); Type: COMMENT; Schema: search_internal; Owner: -
--

COMMENT ON FUNCTION search_internal.defer_job(queue text, task text, arguments jsonb, priority integer) IS 'Enqueue a job in the caller''s transaction and return its id: when that rolls back there is no job.';

--
-- Name: document_tokens(text, smallint, text, text); Type: FUNCTION; Schema: search_internal; Owner: -
--

CREATE FUNCTION search_internal.document_tokens(kind text, level smallint, normalized text, context text) RETURNS tsvector
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    SET search_path TO 'pg_catalog', 'search', 'pg_temp'
    RETURN array_to_tsvector(ARRAY(SELECT (prefix.prefix || word.word) FROM unnest(string_to_array(document_tokens.normalized, ' '::text)) word(word), unnest(ARRAY['='::text, search_internal.token_prefix(document_tokens.kind, (document_tokens.level)::integer)]) prefix(prefix) WHERE (word.word <> ''::text) UNION SELECT (search_internal.token_prefix(document_tokens.kind, (document_tokens.level)::integer, true) || word.word) FROM unnest(string_to_array(document_tokens.context, ' '::text)) word(word) WHERE (word.word <> ''::text)));

--
-- Name: FUNCTION document_tokens(kind text, level smallint, normalized text, context text); Type: COMMENT; Schema: search_internal; Owner: -
--

COMMENT ON FUNCTION search_internal.document_tokens(kind text, level smallint, normalized text, context text) IS 'What search.documents.tokens holds: each word of the name behind =, and once more behind the letters of kind and level; each word of the context behind the latter alone. The former find all of a rare word at once, the latter a common one level by level.';

--
-- Name: draw_calibration_tracks(smallint, integer); Type: FUNCTION; Schema: search_internal; Owner: -
--

CREATE FUNCTION search_internal.draw_calibration_tracks(model smallint, most integer) RETURNS integer
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'search', 'pg_temp'
    AS $_$
declare
    -- a rough count is enough to choose how many pages to look at
    rows_about constant real := (select greatest(c.reltuples, 0) from pg_class c where c.oid = format('search.embeddings_%s', model)::regclass);
    -- rows of one page were written together: four times as many as are needed are drawn, and thinned out
    share constant real := case when rows_about < 8 * most then 100 else 100 * 4 * most / rows_about end;
    drawn integer;
begin
    -- two workers at once would each insert what the other did
    perform pg_advisory_xact_lock(hashtextextended('search.calibrations', 0));
    delete from search.calibration_tracks c where c.model_id = model;
    execute format(
        'insert into search.calibration_tracks (model_id, track_id, embedding) '
        'select $1, e.track_id, e.embedding from search.embeddings_%s e tablesample system ($2) '
        'where e.listed order by md5(e.track_id::text) limit $3', model)
    using model, share, most;
    get diagnostics drawn = row_count;
    return drawn;
end;
$_$;

--
-- Name: FUNCTION draw_calibration_tracks(model smallint, most integer); Type: COMMENT; Schema: search_internal; Owner: -
--

COMMENT ON FUNCTION search_internal.draw_calibration_tracks(model smallint, most integer) IS 'Draw the sample of listed tracks of a model anew, and return how many it has.';

--
-- Name: drop_former_names(); Type: FUNCTION; Schema: search_internal; Owner: -
--

CREATE FUNCTION search_internal.drop_former_names() RETURNS bigint
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
    former regprocedure;
    dropped bigint := 0;
begin
    for former in
        select p.oid from pg_proc p
        where p.pronamespace = 'search'::regnamespace
          and obj_description(p.oid, 'pg_proc') like 'Former name of search\_internal.%'
    loop
        execute format('drop function %s', former);
        dropped := dropped + 1;
    end loop;
    return dropped;
end;
$$;

--
-- Name: FUNCTION drop_former_names(); Type: COMMENT; Schema: search_internal; Owner: -
--

COMMENT ON FUNCTION search_internal.drop_former_names() IS 'Drop the names that functions had before they were moved out of schema search, and return how many there were. Processes of the version before need them.';

--
-- Name: drop_overloads(); Type: FUNCTION; Schema: search_internal; Owner: -
--

CREATE FUNCTION search_internal.drop_overloads() RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
    -- set by the script that makes functions, of which this is one
    before constant bigint := coalesce(nullif(current_setting('vibe_search.functions_before', true), ''), '-1')::bigint;
    former record;
    dependents text;
    reader record;
begin
    for former in
        with known as (
            select p.oid, p.pronamespace, p.proname, p.proargtypes, p.pronargs::integer, (p.pronargs - p.pronargdefaults)::integer as needed,
                   p.xmin = pg_current_xact_id()::xid and p.cmin::text::bigint > before as made
            from pg_proc p
            where p.pronamespace = any (array['search', 'search_internal']::regnamespace[])
              -- made for one database, by the rules of an adopted catalogue
              and p.proname not like 'visibility\_of\_%' and p.proname not in ('wants_jobs', 'groups_of')
        )
        select k.oid, k.oid::regprocedure as signature
        from known k
        where not k.made
          and exists (
              select from known m
              where m.made and m.pronamespace = k.pronamespace and m.proname = k.proname
                -- Each of search's own has a comment. What others have made stays, unless a call could mean either.
                and (obj_description(k.oid, 'pg_proc') is not null
                     or exists (
                         select from generate_series(greatest(k.needed, m.needed), least(k.pronargs, m.pronargs)) as given (number)
                         where (k.proargtypes::oid[])[0:given.number - 1] = (m.proargtypes::oid[])[0:given.number - 1])))
    loop
        for reader in
            select distinct c.oid::regclass as view
            from pg_depend d
            join pg_rewrite r on r.oid = d.objid
            join pg_class c on c.oid = r.ev_class and c.relkind = 'v' and c.relnamespace = 'search'::regnamespace
            where obj_description(c.oid, 'pg_class') is not null
              and d.refclassid = 'pg_proc'::regclass and d.refobjid = former.oid and d.classid = 'pg_rewrite'::regclass
        loop
            execute format('drop view %s', reader.view);
        end loop;
        begin
            execute format('drop function %s', former.signature);
        exception when dependent_objects_still_exist then
            get stacked diagnostics dependents = pg_exception_detail;
            raise exception '% has other arguments in this version, and something that is not of search needs it: %',
                former.signature, replace(dependents, E'\n', ', ')
                using errcode = 'dependent_objects_still_exist';
        end;
    end loop;
end;
$$;

--
-- Name: FUNCTION drop_overloads(); Type: COMMENT; Schema: search_internal; Owner: -
--

COMMENT ON FUNCTION search_internal.drop_overloads() IS 'Drop functions of search that have the name, and not the arguments, of a function that this transaction has made: beside each other, calls are ambiguous. Views that call them are dropped, too. They come back with the views of the same transaction.';

--
-- Name: enqueue_track_jobs(); Type: FUNCTION; Schema: search_internal; Owner: -
--

CREATE FUNCTION search_internal.enqueue_track_jobs() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'search', 'pg_temp'
    AS $$
declare
    arguments jsonb;
begin
    if not true or tg_op = 'UPDATE' and new.file_id = old.file_id and true then
        return null;
    end if;
    arguments := jsonb_build_object('track_id', new.id, 'file_id', new.file_id);
    -- a candidate too: whatever is uploaded during a switch must not be missing after it
    perform search_internal.defer_job('embed', 'embed_track', arguments || jsonb_build_object('model', m.identity))
    from search.models m where m.serving or m.candidate;
    perform search_internal.defer_job('classify', 'classify_genres', arguments);
    return null;
end;
$$;

--
-- Name: FUNCTION enqueue_track_jobs(); Type: COMMENT; Schema: search_internal; Owner: -
--

COMMENT ON FUNCTION search_internal.enqueue_track_jobs() IS 'Enqueues the jobs that a new, replaced or published recording needs: its genres, and a vector in the serving model and in a candidate.';

--
-- Name: fill_documents(text, text, integer); Type: FUNCTION; Schema: search_internal; Owner: -
--

CREATE FUNCTION search_internal.fill_documents(kind text, after text, most integer) RETURNS text
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'search', 'pg_temp'
    SET enable_seqscan TO 'off'
    AS $$
declare
    keys text[];
begin
    -- Whoever is changing one of these rows is waited for: a name whose change did not find a document yet would come too late,
    -- and hidden ones be found.
    case kind
        when 'artist' then
            keys := array(select a.did from public.artists a where after is null or a.did > after order by a.did limit most);
            perform from public.artists a where a.did = any (keys) for share;
        when 'album' then
            keys := array(
                select b.id::text from public.albums b where after is null or b.id > after::search.album_id order by b.id limit most);
            perform from public.albums b where b.id = any (keys::search.album_id[]) for share;
        when 'tag' then
            keys := array(select g.id::text from public.tags g where after is null or g.id > after::bigint order by g.id limit most);
            perform from public.tags g where g.id = any (keys::bigint[]) for share;
        when 'playlist' then
            keys := array(
                select p.id::text from public.playlists p where after is null or p.id > after::search.playlist_id order by p.id limit most);
            perform from public.playlists p where p.id = any (keys::search.playlist_id[]) for share;
        when 'track' then
            keys := array(select t.id::text from public.tracks t where after is null or t.id > after::bigint order by t.id limit most);
            perform from public.tracks t where t.id = any (keys::bigint[]) for share;
        else
            raise exception 'there are no documents of the kind %', kind
                using errcode = 'invalid_parameter_value', hint = 'artist, album, tag, playlist or track.';
    end case;
    case kind
        when 'album' then
            perform search_internal.await_renames('artist', array(
                select distinct b.artist_did::text from public.albums b where b.id = any (keys::search.album_id[])));
        when 'playlist' then
            perform search_internal.await_renames('artist', array(
                select distinct p.owner_did::text from public.playlists p where p.id = any (keys::search.playlist_id[])));
        when 'track' then perform search_internal.await_renames_around(keys::bigint[]);
        else null;
    end case;
    delete from search.documents d where d.kind = fill_documents.kind and d.key = any (keys);
    -- The second time sees what was changed until the first had made, and so locked, the documents.
    for again in 1..2 loop
        case kind
            when 'artist' then perform search_internal.refresh_artists(keys);
            when 'album' then perform search_internal.refresh_albums(keys::search.album_id[]);
            when 'tag' then perform search_internal.refresh_tags(keys::bigint[]);
            when 'playlist' then perform search_internal.refresh_playlists(keys::search.playlist_id[]);
            when 'track' then perform search_internal.refresh_tracks(keys::bigint[]);
        end case;
    end loop;
    if kind = 'track' then
        -- vectors repeat who may find a track
        perform search_internal.relist_vectors(keys::bigint[]);
    end if;
    return keys[cardinality(keys)];
end;
$$;

--
-- Name: FUNCTION fill_documents(kind text, after text, most integer); Type: COMMENT; Schema: search_internal; Owner: -
--

COMMENT ON FUNCTION search_internal.fill_documents(kind text, after text, most integer) IS 'Make the documents of the next so many entities of a kind anew, beside whoever writes to the catalogue, and return the key of the last: the next call goes on after it. Null when there are no more. Commit after each call: until then those who change the same names wait.';

--
-- Name: fill_documents_to(text, text, text, integer); Type: FUNCTION; Schema: search_internal; Owner: -
--

CREATE FUNCTION search_internal.fill_documents_to(version text, kind text, after text, most integer) RETURNS text
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'search', 'pg_temp'
    AS $$
declare
    last constant text := search_internal.fill_documents(kind, after, most);
begin
    if last is not null then
        insert into search.schema_state as s (key, value) values ('filling', jsonb_build_array(version, kind, last)::text)
        on conflict (key) do update set value = excluded.value;
    end if;
    return last;
end;
$$;

--
-- Name: FUNCTION fill_documents_to(version text, kind text, after text, most integer); Type: COMMENT; Schema: search_internal; Owner: -
--

COMMENT ON FUNCTION search_internal.fill_documents_to(version text, kind text, after text, most integer) IS 'As search_internal.fill_documents, and note how far it is: a run that was interrupted goes on there.';

--
-- Name: fold_track_counts(); Type: FUNCTION; Schema: search_internal; Owner: -
--

CREATE FUNCTION search_internal.fold_track_counts() RETURNS bigint
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'search', 'pg_temp'
    SET plan_cache_mode TO 'force_generic_plan'
    AS $$
declare
    folded bigint;
    tags bigint[];
    albums search.album_id[];
begin
    -- one at a time, and never waiting for a writer that has a document: what it holds is folded next time
    if not pg_try_advisory_xact_lock(hashtextextended('search_internal.fold_track_counts', 0)) then
        return 0;
    end if;
    select array_agg(distinct c.key::bigint) filter (where c.kind = 'tag'),
           array_agg(distinct c.key::search.album_id) filter (where c.kind = 'album')
    into tags, albums
    from search.track_count_changes c where c.kind in ('tag', 'album');

    with changed as (
        select distinct c.kind, c.key from search.track_count_changes c
    ),
    free as (
        select d.kind, d.key, d.field
        from search.documents d
        where (d.kind, d.key) in (select c.kind, c.key from changed c)
        order by d.kind, d.key, d.field
        for no key update skip locked
    ),
    -- of an artist both names or neither
    whole as (
        select f.kind, f.key from free f group by f.kind, f.key
        having count(*) = (select count(*) from search.documents d where d.kind = f.kind and d.key = f.key)
    ),
    taken as (
        delete from search.track_count_changes c
        where (c.kind, c.key) in (select w.kind, w.key from whole w)
           or not exists (select from search.documents d where d.kind = c.kind and d.key = c.key)
        returning c.kind, c.key
    ),
    -- counted afresh in the snapshot that the changes are taken in: what two writers could not see of each other is mended
    counts as (
        select t.kind, counted.key, counted.listed
        from (select taken.kind, array_agg(distinct taken.key) as keys from taken group by taken.kind) as t
        cross join lateral search_internal.count_tracks(t.kind, t.keys) as counted
    )
    update search.documents d
    set track_count = c.listed, popularity = ln(1 + c.listed)
    from counts c
    where d.kind = c.kind and d.key = c.key and d.track_count <> c.listed;
    get diagnostics folded = row_count;
    -- two writers that each took one of the last two tracks away could not see that none is left
    perform search_internal.relist_tags(tags);
    perform search_internal.relist_albums(albums);
    return folded;
end;
$$;

--
-- Name: FUNCTION fold_track_counts(); Type: COMMENT; Schema: search_internal; Owner: -
--

COMMENT ON FUNCTION search_internal.fold_track_counts() IS 'Count anew what has waiting changes, for the documents and so for their popularity; returns how many documents changed. The task fold_track_counts calls it every minute.';

--
-- Name: fold_word_counts(); Type: FUNCTION; Schema: search_internal; Owner: -
--

CREATE FUNCTION search_internal.fold_word_counts() RETURNS bigint
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'search', 'pg_temp'
    AS $$
declare
    folded bigint;
    unused text[];
    free text[];
begin
    if not pg_try_advisory_xact_lock(hashtextextended('search.words', 0)) then
        return 0;
    end if;
    with taken as (
        delete from search.word_count_changes c
        -- not counted yet: search_internal.count_words() has to come first
        where not exists (select from search.words w where w.word = c.word and w.documents is null)
        returning c.word, c.documents, c.popularity
    ),
    changed as (
        select t.word, sum(t.documents) as documents, sum(t.popularity) as popularity from taken t group by t.word
    ),
    updated as (
        update search.words w
        set documents = w.documents + c.documents, popularity = w.popularity + c.popularity
        from changed c where w.word = c.word
        returning w.word, w.documents
    )
    select count(*), array_agg(u.word) filter (where u.documents <= 0) into folded, unused from updated u;
    -- A writer that is counting one of these holds it until its change can be seen.
    free := array(
        select w.word from search.words w where w.word = any (unused) order by w.word for update skip locked);
    delete from search.words w
    where w.word = any (free) and not exists (select from search.word_count_changes c where c.word = w.word);
    -- looked at again next time
    insert into search.word_count_changes (word, documents, popularity)
    select w.word, 0, 0 from search.words w where w.word = any (unused);
    return folded;
end;
$$;

--
-- Name: FUNCTION fold_word_counts(); Type: COMMENT; Schema: search_internal; Owner: -
--

COMMENT ON FUNCTION search_internal.fold_word_counts() IS 'Add up the changes of words'' counts, remove words that no listed name has any more, and return how many words changed. The task fold_track_counts calls it every minute.';

--
-- Name: follow_rows(text, jsonb[]); Type: FUNCTION; Schema: search_internal; Owner: -
--

CREATE FUNCTION search_internal.follow_rows(table_name text, changed jsonb[]) RETURNS boolean
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'search', 'pg_temp'
    AS $$
declare
    ids constant text[] := search_internal.values_of(changed, 'id');
    dids constant text[] := search_internal.values_of(changed, 'did');
begin
    case table_name
        when 'artists' then
            if array_position(dids, null) is not null then return false; end if;
            perform search_internal.refresh_artists(dids);
            perform search_internal.refresh_albums(array(select id from public.albums where artist_did = any (dids)));
            perform search_internal.refresh_playlists(array(select id from public.playlists where owner_did = any (dids)));
            perform search_internal.refresh_tracks(array(select id from public.tracks where artist_did = any (dids)));
        when 'albums' then
            if array_position(ids, null) is not null then return false; end if;
            perform search_internal.refresh_albums(ids::search.album_id[]);
            perform search_internal.refresh_tracks(array(
                select t.id from public.tracks t where t.album_id = any (ids::search.album_id[])));
        when 'tags' then
            if array_position(ids, null) is not null then return false; end if;
            perform search_internal.refresh_tags(ids::bigint[]);
            perform search_internal.refresh_tracks(array(
                select distinct tt.track_id from public.track_tags tt where tt.tag_id = any (ids::bigint[])));
        when 'playlists' then
            if array_position(ids, null) is not null then return false; end if;
            perform search_internal.refresh_playlists(ids::search.playlist_id[]);
        when 'tracks' then
            if array_position(ids, null) is not null then return false; end if;
            return search_internal.follow_tracks(changed);
        when 'track_tags' then
            return search_internal.follow_track_tags(changed);
        else
            return false;
    end case;
    return true;
-- the writer retries after some errors
exception
    when transaction_rollback or lock_not_available then raise;
    when others then return false;
end;
$$;

--
-- Name: FUNCTION follow_rows(table_name text, changed jsonb[]); Type: COMMENT; Schema: search_internal; Owner: -
--

COMMENT ON FUNCTION search_internal.follow_rows(table_name text, changed jsonb[]) IS 'Read rows again by their keys, as search sees the table; false where that is not possible, and then nothing is changed.';

--
-- Name: follow_track_tags(jsonb[]); Type: FUNCTION; Schema: search_internal; Owner: -
--

CREATE FUNCTION search_internal.follow_track_tags(changed jsonb[]) RETURNS boolean
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'search', 'pg_temp'
    AS $$
declare
    tracks constant text[] := search_internal.values_of(changed, 'track_id');
    tags constant text[] := search_internal.values_of(changed, 'tag_id');
begin
    if array_position(tracks || tags, null) is not null then return false; end if;
    insert into search.track_count_changes (kind, key, change) select 'tag', k, 0 from unnest(tags) as k;
    perform search_internal.relist_tags(tags::bigint[]);
    perform search_internal.refresh_tracks(tracks::bigint[]);
    return true;
end;
$$;

--
-- Name: FUNCTION follow_track_tags(changed jsonb[]); Type: COMMENT; Schema: search_internal; Owner: -
--

COMMENT ON FUNCTION search_internal.follow_track_tags(changed jsonb[]) IS 'As search_internal.follow_rows, for the tags of tracks.';

--
-- Name: follow_tracks(jsonb[]); Type: FUNCTION; Schema: search_internal; Owner: -
--

CREATE FUNCTION search_internal.follow_tracks(changed jsonb[]) RETURNS boolean
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'search', 'pg_temp'
    AS $$
declare
    ids constant bigint[] := search_internal.values_of(changed, 'id')::bigint[];
    albums constant text[] := search_internal.values_of(changed, 'album_id');
    artists constant text[] := search_internal.values_of(changed, 'artist_did');
    tags constant bigint[] := search_internal.tags_in_documents(ids);
begin
    -- whose album is left is not known, once the column has another name
    if exists (select from unnest(changed) as c (r) where not (c.r ?& array['album_id', 'artist_did'])) then
        return false;
    end if;
    perform search_internal.await_renames_around(ids);
    perform search_internal.relist_vectors(ids);
    perform search_internal.relist_albums(array_remove(albums, null)::search.album_id[]);
    perform search_internal.relist_tags(tags || array(
        select distinct tt.tag_id from public.track_tags tt where tt.track_id = any (ids))::bigint[]);
    -- a change of nothing has the holders counted anew
    insert into search.track_count_changes (kind, key, change)
    select 'artist', k, 0 from unnest(artists) as k
    union all select 'album', k, 0 from unnest(array_remove(albums, null)) as k
    union all select 'tag', k::text, 0 from unnest(tags) as k
    union all select 'playlist', pt.playlist_id::text, 0 from public.playlist_tracks pt where pt.track_id = any (ids);
    perform search_internal.refresh_tracks(ids);
    return true;
end;
$$;

--
-- Name: FUNCTION follow_tracks(changed jsonb[]); Type: COMMENT; Schema: search_internal; Owner: -
--

COMMENT ON FUNCTION search_internal.follow_tracks(changed jsonb[]) IS 'As search_internal.follow_rows, for tracks and what holds them.';

--
-- Name: forget_deleted(); Type: FUNCTION; Schema: search_internal; Owner: -
--

CREATE FUNCTION search_internal.forget_deleted() RETURNS bigint
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'search', 'pg_temp'
    AS $$
declare
    gone bigint;
begin
    delete from search.documents d
    where d.kind = 'artist' and not exists (select from public.artists a where a.did = d.key)
       or d.kind = 'album' and not exists (select from public.albums b where b.id = case when d.kind = 'album' then d.key::search.album_id end)
       or d.kind = 'tag' and not exists (select from public.tags g where g.id = case when d.kind = 'tag' then d.key::bigint end)
       or d.kind = 'playlist' and not exists (
           select from public.playlists p where p.id = case when d.kind = 'playlist' then d.key::search.playlist_id end)
       or d.kind = 'track' and not exists (select from public.tracks t where t.id = case when d.kind = 'track' then d.key::bigint end);
    get diagnostics gone = row_count;
    return gone;
end;
$$;

--
-- Name: FUNCTION forget_deleted(); Type: COMMENT; Schema: search_internal; Owner: -
--

COMMENT ON FUNCTION search_internal.forget_deleted() IS 'Remove the documents of entities that the catalogue no longer has, and return how many; needed where no trigger saw them go.';

--
-- Name: found_by(text, text, text[]); Type: FUNCTION; Schema: search_internal; Owner: -
--

CREATE FUNCTION search_internal.found_by(visibility text, did text, finders text[]) RETURNS boolean
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN COALESCE((search.is_listed(visibility) OR (search.private_owner(visibility, did) = ANY (finders)) OR (search_internal.audience(visibility) = ANY (finders))), false);

--
-- Name: FUNCTION found_by(visibility text, did text, finders text[]); Type: COMMENT; Schema: search_internal; Owner: -
--

COMMENT ON FUNCTION search_internal.found_by(visibility text, did text, finders text[]) IS 'As search.visible_to, for what search_internal.finders returns.';

--
-- Name: held_tier(text, search.tier); Type: FUNCTION; Schema: search_internal; Owner: -
--

CREATE FUNCTION search_internal.held_tier(kind text, tier search.tier) RETURNS search.tier
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN CASE WHEN ((tier = 'exact'::search.tier) AND (kind = ANY (ARRAY['artist'::text, 'album'::text]))) THEN tier ELSE GREATEST(tier, 'word_prefix'::search.tier) END;

--
-- Name: FUNCTION held_tier(kind text, tier search.tier); Type: COMMENT; Schema: search_internal; Owner: -
--

COMMENT ON FUNCTION search_internal.held_tier(kind text, tier search.tier) IS 'Tier of the tracks of an artist, album or tag that matched in a tier: names that have the typed words come before them, unless an artist or an album is called exactly so.';

--
-- Name: has_room(search_internal.signal[], integer); Type: FUNCTION; Schema: search_internal; Owner: -
--

CREATE FUNCTION search_internal.has_room(named search_internal.signal[], max_tracks integer) RETURNS boolean
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN (SELECT ((count(*) FILTER (WHERE ((n.kind = 'track'::text) AND (n.tier <= holder.best))) < has_room.max_tracks) AND (min(holder.best) IS NOT NULL)) FROM (unnest(has_room.named) n(kind, key, field, tier, held, class, quality, popularity, similarity, confidence) CROSS JOIN (SELECT min(search_internal.held_tier(h.kind, h.tier)) AS min FROM unnest(has_room.named) h(kind, key, field, tier, held, class, quality, popularity, similarity, confidence) WHERE (h.kind = ANY (ARRAY['artist'::text, 'album'::text, 'tag'::text]))) holder(best)));

--
-- Name: FUNCTION has_room(named search_internal.signal[], max_tracks integer); Type: COMMENT; Schema: search_internal; Owner: -
--

COMMENT ON FUNCTION search_internal.has_room(named search_internal.signal[], max_tracks integer) IS 'Whether something was found that holds tracks, and a page of tracks still has room for them.';

--
-- Name: hide_documents(text, text[]); Type: FUNCTION; Schema: search_internal; Owner: -
--

CREATE FUNCTION search_internal.hide_documents(kind text, keys text[]) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'search', 'pg_temp'
    AS $$
begin
    delete from search.documents d
    using (
        select h.kind, h.key, h.field from search.documents h
        where h.kind = hide_documents.kind and (keys is null or h.key = any (keys))
        order by h.key, h.field for update
    ) as hidden
    where (d.kind, d.key, d.field) = (hidden.kind, hidden.key, hidden.field);
end;
$$;

--
-- Name: FUNCTION hide_documents(kind text, keys text[]); Type: COMMENT; Schema: search_internal; Owner: -
--

COMMENT ON FUNCTION search_internal.hide_documents(kind text, keys text[]) IS 'Remove the documents of these entities, until they are read again; without keys, all of the kind.';

--
-- Name: hide_rows(text, jsonb[]); Type: FUNCTION; Schema: search_internal; Owner: -
--

CREATE FUNCTION search_internal.hide_rows(table_name text, changed jsonb[]) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'search', 'pg_temp'
    AS $$
declare
    kind constant text := case table_name when 'artists' then 'artist' when 'albums' then 'album' when 'tags' then 'tag'
        when 'playlists' then 'playlist' when 'tracks' then 'track' when 'track_tags' then 'tag' end;
    keys constant text[] := search_internal.values_of(
        changed, case table_name when 'artists' then 'did' when 'track_tags' then 'tag_id' else 'id' end);
    -- which rows these are is not known: then it may be any
    whole constant boolean := array_position(keys, null) is not null;
begin
    if kind is null or cardinality(changed) = 0 then
        return;
    end if;
    if kind = 'track' then
        update search.embeddings e set listed = false, owner = null, audience = null
        where (whole or e.track_id::text = any (keys)) and (e.listed or e.owner is not null or e.audience is not null);
        perform search_internal.hide_documents('album', case
            when not whole and not exists (select from unnest(changed) as c (r) where not c.r ? 'album_id')
            then array_remove(search_internal.values_of(changed, 'album_id'), null) end);
        perform search_internal.hide_documents('tag', case
            when not whole then search_internal.tags_in_documents(keys::bigint[])::text[] end);
    end if;
    perform search_internal.hide_documents(kind, case when not whole then keys end);
end;
$$;

--
-- Name: FUNCTION hide_rows(table_name text, changed jsonb[]); Type: COMMENT; Schema: search_internal; Owner: -
--

COMMENT ON FUNCTION search_internal.hide_rows(table_name text, changed jsonb[]) IS 'Hide rows whose present state is not known, with the albums and tags that might be shown for them, until the next adoption.';

--
-- Name: documents; Type: TABLE; Schema: search; Owner: -
--

CREATE TABLE search.documents (
    kind text NOT NULL,
    key text NOT NULL,
    field text NOT NULL,
    label text NOT NULL,
    normalized text NOT NULL COLLATE pg_catalog."C",
    popularity real NOT NULL,
    track_count bigint DEFAULT 0 NOT NULL,
    listed boolean NOT NULL,
    owner text,
    context text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    level smallint NOT NULL,
    tokens tsvector NOT NULL,
    audience text,
    CONSTRAINT documents_kind_check CHECK ((kind = ANY (ARRAY['track'::text, 'artist'::text, 'album'::text, 'tag'::text, 'playlist'::text])))
);
ALTER TABLE ONLY search.documents ALTER COLUMN tokens SET STATISTICS 300;

--
-- Name: TABLE documents; Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON TABLE search.documents IS 'One row for each searchable name of each entity, kept equal to the catalogue by triggers. A row is found by everybody when listed, else only by its owner.';

--
-- Name: COLUMN documents.key; Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON COLUMN search.documents.key IS 'Primary key of the entity in its own table, as text.';

--
-- Name: COLUMN documents.normalized; Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON COLUMN search.documents.normalized IS 'search.normalize_text(label). Collated "C", so that one b-tree serves equality and prefixes.';

--
-- Name: COLUMN documents.popularity; Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON COLUMN search.documents.popularity IS 'ln(1 + plays or tracks): the tie-break within a tier.';

--
-- Name: COLUMN documents.track_count; Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON COLUMN search.documents.track_count IS 'Listed tracks that the entity holds, as of the last search_internal.fold_track_counts(); search.track_count(kind, key) is exact.';

--
-- Name: COLUMN documents.context; Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON COLUMN search.documents.context IS 'Normalised names of what the entity belongs to (artist, album, owner): words that may be typed along with its own.';

--
-- Name: COLUMN documents.level; Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON COLUMN search.documents.level IS 'search_internal.popularity_level(popularity): candidates are read from the highest level downwards.';

--
-- Name: COLUMN documents.tokens; Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON COLUMN search.documents.tokens IS 'search_internal.document_tokens(...): words of the name and of the context, each behind letters for kind and level.';

--
-- Name: COLUMN documents.audience; Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON COLUMN search.documents.audience IS 'The group that may find the row beside its owner, as search_internal.finders names it; null for no group.';

--
-- Name: highest_levels(text[]); Type: FUNCTION; Schema: search_internal; Owner: -
--

CREATE FUNCTION search_internal.highest_levels(kinds text[]) RETURNS TABLE(kind text, level integer)
    LANGUAGE sql STABLE PARALLEL SAFE
    BEGIN ATOMIC
 SELECT k.k,
     (( SELECT max(d.level) AS max
            FROM search.documents d
           WHERE (d.kind = k.k)))::integer AS max
    FROM unnest(highest_levels.kinds) k(k)
  OFFSET 0;
END;

--
-- Name: FUNCTION highest_levels(kinds text[]); Type: COMMENT; Schema: search_internal; Owner: -
--

COMMENT ON FUNCTION search_internal.highest_levels(kinds text[]) IS 'The highest level that a document of each kind has.';

--
-- Name: index_documents(); Type: FUNCTION; Schema: search_internal; Owner: -
--

CREATE FUNCTION search_internal.index_documents() RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'search', 'pg_temp'
    AS $$
begin
    -- what a search wants of a name is in the index: many names are looked at to find the popular ones
    create index if not exists documents_prefix_idx on search.documents (kind, level, normalized)
        include (popularity, key, field, listed, owner, audience);
    -- without a pending list: every search would have to read it
    create index if not exists documents_tokens_idx on search.documents using gin (tokens) with (fastupdate = off);
    -- the words of a viewer's own private names are read with each of their searches
    create index if not exists documents_owner_idx on search.documents (owner, popularity desc) where owner is not null;
end;
$$;

--
-- Name: FUNCTION index_documents(); Type: COMMENT; Schema: search_internal; Owner: -
--

COMMENT ON FUNCTION search_internal.index_documents() IS 'Make the indexes by which names are found, where they are missing.';

--
-- Name: insert_track(text, search.album_id, text, text, text, text, text, jsonb); Type: FUNCTION; Schema: search_internal; Owner: -
--

CREATE FUNCTION search_internal.insert_track(artist_did text, album_id search.album_id, title text, file_id text, file_type text, r2_url text, visibility text, extra jsonb) RETURNS bigint
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'search', 'pg_temp'
    AS $$
declare
    new_id bigint;
begin
    insert into public.tracks as t (artist_did, album_id, title, file_id, file_type, r2_url, visibility, extra)
    values (
        insert_track.artist_did, insert_track.album_id, insert_track.title, insert_track.file_id, insert_track.file_type,
        insert_track.r2_url, insert_track.visibility, insert_track.extra)
    returning t.id into new_id;
    return new_id;
end;
$$;

--
-- Name: FUNCTION insert_track(artist_did text, album_id search.album_id, title text, file_id text, file_type text, r2_url text, visibility text, extra jsonb); Type: COMMENT; Schema: search_internal; Owner: -
--

COMMENT ON FUNCTION search_internal.insert_track(artist_did text, album_id search.album_id, title text, file_id text, file_type text, r2_url text, visibility text, extra jsonb) IS 'Insert a track and return its id.';

--
-- Name: is_calibrated(); Type: FUNCTION; Schema: search_internal; Owner: -
--

CREATE FUNCTION search_internal.is_calibrated() RETURNS boolean
    LANGUAGE sql STABLE PARALLEL SAFE
    SET search_path TO 'pg_catalog', 'search', 'pg_temp'
    AS $$
    select exists (select from search.calibrations c join search.models m on m.id = c.model_id and m.serving);
$$;

--
-- Name: FUNCTION is_calibrated(); Type: COMMENT; Schema: search_internal; Owner: -
--

COMMENT ON FUNCTION search_internal.is_calibrated() IS 'Whether the serving model has a calibration: before it has one, results by sound bear no confidence.';

--
-- Name: is_findable(text); Type: FUNCTION; Schema: search_internal; Owner: -
--

CREATE FUNCTION search_internal.is_findable(visibility text) RETURNS boolean
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN COALESCE((search.is_listed(visibility) OR (search.private_owner(visibility, ''::text) IS NOT NULL)), false);

--
-- Name: FUNCTION is_findable(visibility text); Type: COMMENT; Schema: search_internal; Owner: -
--

COMMENT ON FUNCTION search_internal.is_findable(visibility text) IS 'Whether anyone may find a row of this visibility.';

--
-- Name: jobs_awaiting_audio(text, integer); Type: FUNCTION; Schema: search_internal; Owner: -
--

CREATE FUNCTION search_internal.jobs_awaiting_audio(task text, priority integer) RETURNS bigint
    LANGUAGE sql STABLE PARALLEL SAFE
    SET search_path TO 'pg_catalog', 'search', 'pg_temp'
    AS $$
    select count(*)
    from public.procrastinate_jobs j
    where j.status = 'todo' and j.queue_name = search_internal.awaited_audio_queue()
      and j.task_name = jobs_awaiting_audio.task and j.priority = jobs_awaiting_audio.priority;
$$;

--
-- Name: FUNCTION jobs_awaiting_audio(task text, priority integer); Type: COMMENT; Schema: search_internal; Owner: -
--

COMMENT ON FUNCTION search_internal.jobs_awaiting_audio(task text, priority integer) IS 'How many jobs of a task at a priority wait for audio that the store does not have yet.';

--
-- Name: lacking(text[], search_internal.signal[], integer); Type: FUNCTION; Schema: search_internal; Owner: -
--

CREATE FUNCTION search_internal.lacking(types text[], named search_internal.signal[], enough integer) RETURNS text[]
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN ARRAY(SELECT wanted.wanted FROM unnest(lacking.types) wanted(wanted) WHERE ((SELECT count(*) AS count FROM unnest(lacking.named) n(kind, key, field, tier, held, class, quality, popularity, similarity, confidence) WHERE (n.kind = wanted.wanted)) < lacking.enough));

--
-- Name: FUNCTION lacking(types text[], named search_internal.signal[], enough integer); Type: COMMENT; Schema: search_internal; Owner: -
--

COMMENT ON FUNCTION search_internal.lacking(types text[], named search_internal.signal[], enough integer) IS 'The types of which not enough was found yet.';

--
-- Name: like_literal(text); Type: FUNCTION; Schema: search_internal; Owner: -
--

CREATE FUNCTION search_internal.like_literal(value text) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN replace(replace(replace(value, '\'::text, '\\'::text), '%'::text, '\%'::text), '_'::text, '\_'::text);

--
-- Name: FUNCTION like_literal(value text); Type: COMMENT; Schema: search_internal; Owner: -
--

COMMENT ON FUNCTION search_internal.like_literal(value text) IS 'The text as a pattern that matches nothing but itself.';

--
-- Name: likely_forms(text[], text[], boolean); Type: FUNCTION; Schema: search_internal; Owner: -
--

CREATE FUNCTION search_internal.likely_forms(typed text[], own text[], all_known boolean, OUT forms text[], OUT rare boolean) RETURNS record
    LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE
    SET search_path TO 'pg_catalog', 'search', 'pg_temp'
    AS $$
declare
    -- of each word; an index is asked for all of them at once, and what that costs grows with their square
    most constant integer := least(14, greatest(3, 90 / greatest(1, cardinality(typed) ^ 2)))::integer;
    begun constant integer := greatest(1, most * 2 / 7);
    words text[];
begin
    forms := '{}';
    rare := false;
    for place in 1 .. cardinality(typed) loop
        words := array(
            select w.word
            from (
                (select w.word, w.popularity
                 from search.words w
                 where w.word >= typed[place] and w.word < typed[place] || chr(1114111)
                   -- a single letter begins a good part of all words
                   and (char_length(typed[place]) > 1 or w.word = typed[place])
                 -- in a million tracks 2,200 words begin with the same two letters; uploads could add any number
                 order by w.word limit 20000)
                union all
                select o.word, search_internal.own_popularity() from unnest(own) as o (word) where starts_with(o.word, typed[place])
            ) as w
            group by w.word
            order by w.word = typed[place] desc, max(w.popularity) desc nulls last, w.word
            limit begun);
        -- where one word is unknown, that one is misspelt; where none is, any may be
        if all_known or cardinality(words) = 0 then
            words := words || array(select s.word from search_internal.similar_words(typed[place], own, most - begun) s);
        end if;
        if cardinality(words) = 0 then
            forms := null;
            return;
        end if;
        forms := forms || search_internal.word_terms(words);
        rare := rare or not exists (select from search.common_words c where c.word = any (words));
    end loop;
end;
$$;

--
-- Name: FUNCTION likely_forms(typed text[], own text[], all_known boolean, OUT forms text[], OUT rare boolean); Type: COMMENT; Schema: search_internal; Owner: -
--

COMMENT ON FUNCTION search_internal.likely_forms(typed text[], own text[], all_known boolean, OUT forms text[], OUT rare boolean) IS 'Terms for each typed word, begun or misspelt; null when the vocabulary has nothing like one of them. rare says that few documents have one of them.';

--
-- Name: likeness(text, text); Type: FUNCTION; Schema: search_internal; Owner: -
--

CREATE FUNCTION search_internal.likeness(needle text, normalized text) RETURNS real
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    SET search_path TO 'pg_catalog', 'pg_temp'
    RETURN (GREATEST((public.similarity(needle, normalized))::double precision, CASE WHEN ((octet_length(needle) < 256) AND (octet_length(normalized) < 256)) THEN ((1)::double precision - ((public.levenshtein(needle, normalized))::real / (GREATEST(char_length(needle), char_length(normalized)))::double precision)) ELSE NULL::double precision END))::real;

--
-- Name: FUNCTION likeness(needle text, normalized text); Type: COMMENT; Schema: search_internal; Owner: -
--

COMMENT ON FUNCTION search_internal.likeness(needle text, normalized text) IS 'How much two normalised names are alike, 0 to 1: by their trigrams, or by the share of letters that stay.';

--
-- Name: lock_documents(text, text[]); Type: FUNCTION; Schema: search_internal; Owner: -
--

CREATE FUNCTION search_internal.lock_documents(kind text, keys text[]) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'search', 'pg_temp'
    SET plan_cache_mode TO 'force_generic_plan'
    SET enable_seqscan TO 'off'
    AS $$
begin
    perform from search.documents d
    where d.kind = lock_documents.kind and d.key = any (keys) order by d.key, d.field for update;
end;
$$;

--
-- Name: FUNCTION lock_documents(kind text, keys text[]); Type: COMMENT; Schema: search_internal; Owner: -
--

COMMENT ON FUNCTION search_internal.lock_documents(kind text, keys text[]) IS 'Wait for whoever is writing these documents, and keep others from it until the end.';

--
-- Name: make_signal(text, text, text, search.tier, double precision, double precision, integer, boolean, real, real); Type: FUNCTION; Schema: search_internal; Owner: -
--

CREATE FUNCTION search_internal.make_signal(kind text, key text, field text, tier search.tier, quality double precision, popularity double precision DEFAULT 0, class integer DEFAULT 0, held boolean DEFAULT false, similarity real DEFAULT NULL::real, confidence real DEFAULT NULL::real) RETURNS search_internal.signal
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN ROW(kind, key, field, tier, held, class, (quality)::real, (popularity)::real, similarity, confidence)::search_internal.signal;

--
-- Name: FUNCTION make_signal(kind text, key text, field text, tier search.tier, quality double precision, popularity double precision, class integer, held boolean, similarity real, confidence real); Type: COMMENT; Schema: search_internal; Owner: -
--

COMMENT ON FUNCTION search_internal.make_signal(kind text, key text, field text, tier search.tier, quality double precision, popularity double precision, class integer, held boolean, similarity real, confidence real) IS 'A reason to list an entity; name the arguments.';

--
-- Name: match_any_level(search.tier, text, text, text, text[], text[], integer, boolean); Type: FUNCTION; Schema: search_internal; Owner: -
--

CREATE FUNCTION search_internal.match_any_level(tier search.tier, all_query text, some_query text, needle text, kinds text[], finders text[], enough integer, rare boolean) RETURNS search_internal.signal[]
    LANGUAGE plpgsql STABLE PARALLEL SAFE
    SET search_path TO 'pg_catalog', 'search', 'pg_temp'
    AS $$
declare
    all_words constant tsquery := search_internal.at_any_level(all_query);
    some_in_name constant tsquery := search_internal.at_any_level(some_query);
begin
    if rare then
        return array(
            select search_internal.make_signal(
                       d.kind, d.key, d.field, match_any_level.tier,
                       class => case when match_any_level.tier = 'fuzzy' then search_internal.typo_class(d.quality) else 0 end,
                       quality => d.quality, popularity => d.popularity)
            from (
                select m.*, row_number() over (
                           partition by m.kind
                           -- as a page orders them
                           order by case when match_any_level.tier = 'fuzzy' then m.quality end desc, m.popularity desc,
                                    length(m.key), m.key) as position
                from (
                    select d.kind, d.key, d.field, d.popularity, search_internal.likeness(needle, d.normalized) as quality
                    from search.documents d
                    where d.tokens @@ all_words and d.kind = any (kinds)
                      and case when some_query is null or d.tokens @@ some_in_name then true end
                      and (d.listed or d.owner = any (finders) or d.audience = any (finders))
                ) as m
            ) as d
            where d.position <= enough);
    end if;
    return array(
        select search_internal.make_signal(
                   best.kind, best.key, best.field, match_any_level.tier,
                   class => case when match_any_level.tier = 'fuzzy' then search_internal.typo_class(best.quality) else 0 end,
                   quality => best.quality, popularity => best.popularity)
        from search_internal.highest_levels(kinds) as highest
        cross join lateral (
            select highest.kind, d.key, d.field, d.popularity, search_internal.likeness(needle, d.normalized) as quality
            from search_internal.words_by_level(
                highest.kind, highest.level, all_query, some_query, null, null, finders, enough) as d
            limit enough
        ) as best);
end;
$$;

--
-- Name: FUNCTION match_any_level(tier search.tier, all_query text, some_query text, needle text, kinds text[], finders text[], enough integer, rare boolean); Type: COMMENT; Schema: search_internal; Owner: -
--

COMMENT ON FUNCTION search_internal.match_any_level(tier search.tier, all_query text, some_query text, needle text, kinds text[], finders text[], enough integer, rare boolean) IS 'Candidates of a tier for a query of search_internal.all_terms, at once where few documents have one of its words, else level by level.';

--
-- Name: match_common_words(text[], boolean, text, text, text[], text[], integer); Type: FUNCTION; Schema: search_internal; Owner: -
--

CREATE FUNCTION search_internal.match_common_words(forms text[], in_context boolean, needle text, last_word text, kinds text[], finders text[], enough integer) RETURNS search_internal.signal[]
    LANGUAGE plpgsql STABLE PARALLEL SAFE
    SET search_path TO 'pg_catalog', 'search', 'pg_temp'
    AS $$
declare
    name_query constant text := search_internal.all_terms(forms, false);
    context_query constant text := case when in_context then search_internal.all_terms(forms, true) end;
    some_query constant text := array_to_string(forms, ' | ');
    whole_last_word constant text := '% ' || search_internal.like_literal(last_word) || ' %';
begin
    return array(
        select best.signal
        from search_internal.highest_levels(kinds) as highest
        cross join lateral (
            select candidate.signal
            from (
                select search_internal.make_signal(
                           highest.kind, d.key, d.field, 'word_prefix',
                           class => case when ' ' || d.normalized || ' ' like whole_last_word
                                         then search_internal.whole_word() else search_internal.begun_word() end,
                           quality => char_length(needle)::real / char_length(d.normalized), popularity => d.popularity)
                from search_internal.words_by_level(
                    highest.kind, highest.level, name_query, null, null, needle, finders, enough) as d
                union all
                select search_internal.make_signal(
                           highest.kind, d.key, d.field, 'word_prefix', class => search_internal.context_word(),
                           quality => public.similarity(needle, d.normalized), popularity => d.popularity)
                from search_internal.words_by_level(
                    highest.kind, highest.level, context_query, some_query, name_query, null, finders, enough) as d
                where context_query is not null
            ) as candidate (signal)
            limit enough
        ) as best);
end;
$$;

--
-- Name: FUNCTION match_common_words(forms text[], in_context boolean, needle text, last_word text, kinds text[], finders text[], enough integer); Type: COMMENT; Schema: search_internal; Owner: -
--

COMMENT ON FUNCTION search_internal.match_common_words(forms text[], in_context boolean, needle text, last_word text, kinds text[], finders text[], enough integer) IS 'The same as search_internal.match_rare_words, level by level, where every word is common.';

--
-- Name: match_held(search_internal.signal[], text[], integer); Type: FUNCTION; Schema: search_internal; Owner: -
--

CREATE FUNCTION search_internal.match_held(named search_internal.signal[], finders text[], max_tracks integer) RETURNS search_internal.signal[]
    LANGUAGE plpgsql STABLE PARALLEL SAFE
    SET search_path TO 'pg_catalog', 'search', 'pg_temp'
    AS $$
begin
    return array(
        select search_internal.make_signal(
                   'track', track.id::text, e.kind, e.held_tier, held => true, class => e.class,
                   quality => e.quality, popularity => ln(1 + track.play_count))
        from (
            select best.*, search_internal.held_tier(best.kind, best.tier) as held_tier
            from (
                select distinct on (n.kind, n.key) n.* from unnest(named) as n where n.kind in ('artist', 'album', 'tag')
                order by n.kind, n.key, n.tier, n.class, n.quality desc
            ) as best
            order by best.tier, best.class, best.popularity desc, best.kind, best.key limit 5
        ) as e
        cross join lateral (
            (select t.id, t.play_count from public.tracks t
             where e.kind = 'artist' and t.artist_did = e.key
               and search_internal.found_by(t.visibility, t.artist_did, finders)
             order by t.play_count desc, t.id limit max_tracks)
            union all
            (select t.id, t.play_count from public.tracks t
             where e.kind = 'album' and t.album_id = case when e.kind = 'album' then e.key::search.album_id end
               and search_internal.found_by(t.visibility, t.artist_did, finders)
             order by t.play_count desc, t.id limit max_tracks)
            union all
            (select d.key::bigint, (exp(d.popularity) - 1)::bigint
             from search_internal.highest_levels(case when e.kind = 'tag' then array['track'] end) as highest
             cross join lateral search_internal.words_by_level(
                 highest.kind, highest.level, search_internal.in_context(search_internal.word_term('#' || e.key)), null, null, null,
                 finders => '{}', enough => max_tracks) as d
             limit max_tracks)
        ) as track
        order by e.held_tier, e.class, track.play_count desc, track.id limit max_tracks);
end;
$$;

--
-- Name: FUNCTION match_held(named search_internal.signal[], finders text[], max_tracks integer); Type: COMMENT; Schema: search_internal; Owner: -
--

COMMENT ON FUNCTION search_internal.match_held(named search_internal.signal[], finders text[], max_tracks integer) IS 'The tracks of the five best artists, albums and tags among what is called so, the most played first.';

--
-- Name: match_names(text, text[], text[], integer); Type: FUNCTION; Schema: search_internal; Owner: -
--

CREATE FUNCTION search_internal.match_names(needle text, kinds text[], finders text[], enough integer) RETURNS search_internal.signal[]
    LANGUAGE plpgsql STABLE PARALLEL SAFE
    SET search_path TO 'pg_catalog', 'search', 'pg_temp'
    AS $$
declare
    -- the first strings, in "C" order, after the needle itself, after all that have it as a whole word, after all that begin with it
    exact_end constant text := needle || chr(1);
    word_end constant text := needle || '!';
    needle_end constant text := needle || chr(1114111);
    length constant real := char_length(needle);
    few constant integer := 200;
    found search_internal.signal[];
begin
    found := array(
        select search_internal.make_signal(
                   d.kind, d.key, d.field, case when d.normalized = needle then 'exact'::search.tier else 'prefix' end,
                   class => case when d.normalized < word_end then search_internal.whole_word() else search_internal.begun_word() end,
                   quality => length / char_length(d.normalized), popularity => d.popularity)
        from search.documents d
        where d.kind = any (kinds) and d.level = any ('{0,1,2,3,4,5,6}'::smallint[])
          and d.normalized >= needle and d.normalized < needle_end and (d.listed or d.owner = any (finders) or d.audience = any (finders))
        limit few + 1);
    if cardinality(found) <= few then
        return found;
    end if;
    return array(
        select best.signal
        from search_internal.highest_levels(kinds) as highest
        cross join lateral (
            select search_internal.make_signal(
                       highest.kind, d.key, d.field, part.tier, class => part.class,
                       quality => length / char_length(d.normalized), popularity => d.popularity) as signal
            from (values
                ('exact'::search.tier, search_internal.whole_word(), needle, exact_end),
                ('prefix', search_internal.whole_word(), exact_end, word_end),
                ('prefix', search_internal.begun_word(), word_end, needle_end)
            ) as part (tier, class, first, before)
            cross join lateral search_internal.names_by_level(
                highest.kind, highest.level, part.first, part.before, finders, enough) as d
            limit enough
        ) as best);
end;
$$;

--
-- Name: FUNCTION match_names(needle text, kinds text[], finders text[], enough integer); Type: COMMENT; Schema: search_internal; Owner: -
--

COMMENT ON FUNCTION search_internal.match_names(needle text, kinds text[], finders text[], enough integer) IS 'Names that are, or begin with, the normalised text.';

--
-- Name: match_rare_words(text[], text[], text, text, text[], text[], integer); Type: FUNCTION; Schema: search_internal; Owner: -
--

CREATE FUNCTION search_internal.match_rare_words(forms text[], patterns text[], needle text, last_word text, kinds text[], finders text[], enough integer) RETURNS search_internal.signal[]
    LANGUAGE plpgsql STABLE PARALLEL SAFE
    SET search_path TO 'pg_catalog', 'search', 'pg_temp'
    AS $$
declare
    alone constant boolean := cardinality(forms) + cardinality(patterns) = 1;
    all_words constant tsquery := search_internal.at_any_level(search_internal.all_terms(forms, not alone));
    in_name constant tsquery := search_internal.at_any_level(search_internal.all_terms(forms, false));
    some_in_name constant tsquery := search_internal.at_any_level(array_to_string(forms, ' | '));
    whole_last_word constant text := '% ' || search_internal.like_literal(last_word) || ' %';
begin
    return array(
        select search_internal.make_signal(
                   d.kind, d.key, d.field, 'word_prefix', class => d.class,
                   quality => case when d.class = search_internal.context_word() then public.similarity(needle, d.normalized)
                                   else char_length(needle)::real / char_length(d.normalized) end,
                   popularity => d.popularity)
        from (
            select c.*, row_number() over (partition by c.kind order by c.class, c.popularity desc, c.key) as position
            from (
                select d.kind, d.key, d.field, d.popularity, d.normalized,
                       case when d.tokens @@ in_name and ' ' || d.normalized || ' ' like all (patterns)
                                then case when ' ' || d.normalized || ' ' like whole_last_word
                                          then search_internal.whole_word() else search_internal.begun_word() end
                            when alone then null
                            when d.tokens @@ some_in_name or ' ' || d.normalized || ' ' like any (patterns)
                                then search_internal.context_word() end as class
                from search.documents d
                where d.tokens @@ all_words and d.kind = any (kinds)
                  and ' ' || d.normalized || ' ' || d.context || ' ' like all (patterns)
                  and not starts_with(d.normalized, needle) and (d.listed or d.owner = any (finders) or d.audience = any (finders))
            ) as c
            where c.class is not null
        ) as d
        where d.position <= enough);
end;
$$;

--
-- Name: FUNCTION match_rare_words(forms text[], patterns text[], needle text, last_word text, kinds text[], finders text[], enough integer); Type: COMMENT; Schema: search_internal; Owner: -
--

COMMENT ON FUNCTION search_internal.match_rare_words(forms text[], patterns text[], needle text, last_word text, kinds text[], finders text[], enough integer) IS 'Names that have all the words, or have one and belong to what has the others, where few documents have one of them.';

--
-- Name: match_roughly(text[], text[], boolean, text, text[], text[], integer); Type: FUNCTION; Schema: search_internal; Owner: -
--

CREATE FUNCTION search_internal.match_roughly(typed text[], own text[], all_known boolean, needle text, kinds text[], finders text[], enough integer) RETURNS search_internal.signal[]
    LANGUAGE plpgsql STABLE PARALLEL SAFE
    SET search_path TO 'pg_catalog', 'search', 'pg_temp'
    AS $$
declare
    inner_words constant text[] := case when cardinality(typed) = 1 and char_length(needle) >= 3 then array(
        select w.word
        from (
            -- in a million tracks 2,500 words contain the same three letters; uploads could add any number
            (select w.word, w.popularity from search.words w
             where w.word like '%' || search_internal.like_literal(needle) || '%' limit 20000)
            union all
            select o.word, search_internal.own_popularity() from unnest(own) as o (word) where strpos(o.word, needle) > 0
        ) as w
        group by w.word
        order by max(w.popularity) desc nulls last, char_length(w.word), w.word
        limit 50) end;
    likely constant record := search_internal.likely_forms(typed, own, all_known);
    inner_matches search_internal.signal[] := '{}';
    misspelt search_internal.signal[] := '{}';
begin
    if cardinality(inner_words) > 0 then
        inner_matches := search_internal.match_any_level(
            'substring', search_internal.word_terms(inner_words), null, needle, kinds, finders, enough,
            not exists (select from search.common_words c where c.word = any (inner_words)));
    end if;
    if likely.forms is not null then
        -- of several words few names have all: those are compared whole, whatever their popularity
        misspelt := search_internal.match_any_level(
            'fuzzy', search_internal.all_terms(likely.forms, false), null, needle, kinds, finders, enough,
            likely.rare or cardinality(typed) > 1);
        if cardinality(misspelt) = 0 and cardinality(typed) > 1 then
            misspelt := search_internal.match_any_level(
                'fuzzy', search_internal.all_terms(likely.forms, true), array_to_string(likely.forms, ' | '),
                needle, kinds, finders, enough, likely.rare);
        end if;
    end if;
    return inner_matches || misspelt;
end;
$$;

--
-- Name: FUNCTION match_roughly(typed text[], own text[], all_known boolean, needle text, kinds text[], finders text[], enough integer); Type: COMMENT; Schema: search_internal; Owner: -
--

COMMENT ON FUNCTION search_internal.match_roughly(typed text[], own text[], all_known boolean, needle text, kinds text[], finders text[], enough integer) IS 'Names with words that contain what was typed, or that are a typo away from it.';

--
-- Name: match_sounds(public.halfvec, text[], integer, double precision, double precision, bigint[]); Type: FUNCTION; Schema: search_internal; Owner: -
--

CREATE FUNCTION search_internal.match_sounds(query_embedding public.halfvec, finders text[], max_tracks integer, audibility double precision, min_confidence double precision, candidates bigint[]) RETURNS search_internal.signal[]
    LANGUAGE plpgsql STABLE PARALLEL SAFE
    SET search_path TO 'pg_catalog', 'search', 'pg_temp'
    AS $$
declare
    scale constant record := search_internal.sound_scale(query_embedding, audibility);
begin
    return array(
        select search_internal.make_signal(
                   'track', n.track_id::text, 'sound', 'sound', quality => n.similarity,
                   similarity => n.similarity, confidence => n.confidence)
        from (
            select near.track_id, near.similarity,
                   search_internal.confidence(near.similarity, scale.mean, scale.deviation, scale.slope, scale.intercept, scale.audible)
                       as confidence
            from search.nearest_tracks(query_embedding, finders[1], max_tracks, candidates) as near
        ) as n
        -- an unknown confidence hides nothing where sound alone was asked for
        where n.confidence >= min_confidence or n.confidence is null);
end;
$$;

--
-- Name: FUNCTION match_sounds(query_embedding public.halfvec, finders text[], max_tracks integer, audibility double precision, min_confidence double precision, candidates bigint[]); Type: COMMENT; Schema: search_internal; Owner: -
--

COMMENT ON FUNCTION search_internal.match_sounds(query_embedding public.halfvec, finders text[], max_tracks integer, audibility double precision, min_confidence double precision, candidates bigint[]) IS 'Tracks that sound like the query''s vector, as far as that can be trusted; of the candidates, where a mirror has named some.';

--
-- Name: mirror_documents(text, bigint[], bigint, integer); Type: FUNCTION; Schema: search_internal; Owner: -
--

CREATE FUNCTION search_internal.mirror_documents(namespace text, track_ids bigint[] DEFAULT NULL::bigint[], after bigint DEFAULT NULL::bigint, most integer DEFAULT NULL::integer) RETURNS TABLE(track_id bigint, embedding public.halfvec, title text, artist_handle text, artist_did text, visibility text, model text)
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'search', 'pg_temp'
    AS $$
declare
    -- two statements for the two ways of asking: one with an "or" would read everything
    wanted constant bigint[] := case when track_ids is null then array(
        select e.track_id
        from search.mirror_namespaces n
        join search.embeddings e on e.model_id = n.model_id
        where n.name = mirror_documents.namespace and e.listed
          and e.track_id > coalesce(mirror_documents.after, -9223372036854775808)
        order by e.track_id limit mirror_documents.most
    ) else track_ids end;
begin
    return query
    -- a mirror knows these two words: an unlisted track that all find is to it a public one
    select e.track_id, e.embedding, t.title::text, a.handle::text, a.did::text,
           case when t.visibility = 'supporters' then 'supporters' else 'public' end, m.identity
    from search.mirror_namespaces n
    join search.models m on m.id = n.model_id
    join search.embeddings e on e.model_id = n.model_id and e.track_id = any (wanted) and e.listed
    join public.tracks t on t.id = e.track_id
    join public.artists a on a.did = t.artist_did
    where n.name = mirror_documents.namespace
      -- a vector says so already; it is asked of the track itself because this is what leaves the database
      and search.is_listed(t.visibility)
    order by e.track_id;
end;
$$;

--
-- Name: FUNCTION mirror_documents(namespace text, track_ids bigint[], after bigint, most integer); Type: COMMENT; Schema: search_internal; Owner: -
--

COMMENT ON FUNCTION search_internal.mirror_documents(namespace text, track_ids bigint[], after bigint, most integer) IS 'What a namespace of the mirror should hold: listed tracks with a vector in its model, by id, of some tracks or after an id.';

--
-- Name: mirror_serves(text, interval); Type: FUNCTION; Schema: search_internal; Owner: -
--

CREATE FUNCTION search_internal.mirror_serves(namespace text, max_lag interval) RETURNS boolean
    LANGUAGE sql STABLE PARALLEL SAFE
    SET search_path TO 'pg_catalog', 'search', 'pg_temp'
    AS $$
    select exists (
        select from search.mirror_namespaces n
        join search.models m on m.id = n.model_id and m.serving
        where n.name = mirror_serves.namespace and n.state = 'serving'
    ) and not exists (
        select from search.mirror_changes c
        -- a refused document is read from here for as long as it is not there
        where c.refused is null and c.changed_at < now() - max_lag
    );
$$;

--
-- Name: FUNCTION mirror_serves(namespace text, max_lag interval); Type: COMMENT; Schema: search_internal; Owner: -
--

COMMENT ON FUNCTION search_internal.mirror_serves(namespace text, max_lag interval) IS 'Whether candidates from a namespace may be used: it has the model that serves, and is not further behind than that.';

--
-- Name: mirrored_tracks(bigint[]); Type: FUNCTION; Schema: search_internal; Owner: -
--

CREATE FUNCTION search_internal.mirrored_tracks(track_ids bigint[]) RETURNS bigint[]
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'search', 'pg_temp'
    AS $$
    select coalesce(array_agg(distinct e.track_id), '{}')
    from search.mirror_namespaces n
    join search.embeddings e on e.model_id = n.model_id and e.listed and e.track_id = any (track_ids)
    where n.state in ('filling', 'serving');
$$;

--
-- Name: FUNCTION mirrored_tracks(track_ids bigint[]); Type: COMMENT; Schema: search_internal; Owner: -
--

COMMENT ON FUNCTION search_internal.mirrored_tracks(track_ids bigint[]) IS 'Those of the tracks that a namespace of the mirror should have.';

--
-- Name: named_by(text, text, text[]); Type: FUNCTION; Schema: search_internal; Owner: -
--

CREATE FUNCTION search_internal.named_by(kind text, key text, typed text[]) RETURNS text[]
    LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE
    SET search_path TO 'pg_catalog', 'search', 'pg_temp'
    AS $$
begin
    if kind = 'album' then
        return array['artist'];
    elsif kind = 'playlist' then
        return array['owner'];
    end if;
    return (
        select array_remove(array[
            case when search_internal.begins_a_word(typed, concat_ws(' ', a.display_name, a.handle)) then 'artist' end,
            case when search_internal.begins_a_word(typed, b.title) then 'album' end,
            case when search_internal.begins_a_word(typed, (
                select string_agg(g.name, ' ') from public.track_tags tt join public.tags g on g.id = tt.tag_id
                where tt.track_id = t.id)) then 'tag' end
        ], null)
        from public.tracks t
        join public.artists a on a.did = t.artist_did
        left join public.albums b on b.id = t.album_id
        where t.id = named_by.key::bigint);
end;
$$;

--
-- Name: FUNCTION named_by(kind text, key text, typed text[]); Type: COMMENT; Schema: search_internal; Owner: -
--

COMMENT ON FUNCTION search_internal.named_by(kind text, key text, typed text[]) IS 'Which names of what an entity belongs to begin with one of the typed words.';

--
-- Name: names_by_level(text, integer, text, text, text[], integer); Type: FUNCTION; Schema: search_internal; Owner: -
--

CREATE FUNCTION search_internal.names_by_level(kind text, highest integer, first text, before text, finders text[], enough integer) RETURNS TABLE(key text, field text, normalized text, popularity real)
    LANGUAGE sql STABLE ROWS 20 PARALLEL SAFE
    BEGIN ATOMIC
 SELECT found.key,
     found.field,
     found.normalized,
     found.popularity
    FROM (generate_series(names_by_level.highest, 0, '-1'::integer) step(level)
      CROSS JOIN LATERAL ( SELECT d.key,
             d.field,
             d.normalized,
             d.popularity
            FROM search.documents d
           WHERE ((d.kind = names_by_level.kind) AND (d.level = step.level) AND (d.normalized >= names_by_level.first) AND (d.normalized < names_by_level.before) AND (d.listed OR (d.owner = ANY (names_by_level.finders)) OR (d.audience = ANY (names_by_level.finders))))
           ORDER BY d.popularity DESC, d.key
          LIMIT names_by_level.enough) found);
END;

--
-- Name: FUNCTION names_by_level(kind text, highest integer, first text, before text, finders text[], enough integer); Type: COMMENT; Schema: search_internal; Owner: -
--

COMMENT ON FUNCTION search_internal.names_by_level(kind text, highest integer, first text, before text, finders text[], enough integer) IS 'Names of a kind from one string up to another, level by level; enough of each level.';

--
-- Name: note_audio_upload(bigint); Type: FUNCTION; Schema: search_internal; Owner: -
--

CREATE FUNCTION search_internal.note_audio_upload(track_id bigint) RETURNS void
    LANGUAGE sql
    SET search_path TO 'pg_catalog', 'search', 'pg_temp'
    AS $$
    insert into search.audio_uploads (file_id, file_type, artist_did)
    select a.file_id, a.file_type, had.artist_did
    from public.tracks t
    join search.stored_audio a on a.file_id = t.file_id and a.file_type = t.file_type
    cross join lateral (
        select t.artist_did
        union
        -- the artist whose track had the file before the first upload keeps it
        (select f.artist_did from public.tracks f
         where f.file_id = t.file_id and not exists (select from search.audio_uploads u where u.file_id = t.file_id)
         order by f.id limit 1)
    ) as had
    where t.id = note_audio_upload.track_id
    on conflict do nothing;
$$;

--
-- Name: FUNCTION note_audio_upload(track_id bigint); Type: COMMENT; Schema: search_internal; Owner: -
--

COMMENT ON FUNCTION search_internal.note_audio_upload(track_id bigint) IS 'Note that the artist of a track has uploaded its audio.';

--
-- Name: note_mirror_changes(bigint[]); Type: FUNCTION; Schema: search_internal; Owner: -
--

CREATE FUNCTION search_internal.note_mirror_changes(track_ids bigint[]) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'search', 'pg_temp'
    SET plan_cache_mode TO 'force_generic_plan'
    AS $$
begin
    insert into search.mirror_changes as c (track_id)
    -- in order, so that two transactions that note the same tracks wait for each other and not in a circle
    select distinct noted.id from unnest(track_ids) as noted (id) order by noted.id
    on conflict (track_id) do update
    set version = null, attempts = 0, refused = null, retry_at = null
    -- where nothing is to be changed the row is locked all the same, so that nobody reads the track before this commits
    where c.version is not null or c.refused is not null;
end;
$$;

--
-- Name: FUNCTION note_mirror_changes(track_ids bigint[]); Type: COMMENT; Schema: search_internal; Owner: -
--

COMMENT ON FUNCTION search_internal.note_mirror_changes(track_ids bigint[]) IS 'Note that the mirror has to be told about tracks, in the caller''s transaction.';

--
-- Name: note_stale(text, text, text, jsonb[], jsonb[]); Type: FUNCTION; Schema: search_internal; Owner: -
--

CREATE FUNCTION search_internal.note_stale(table_name text, operation text, error text, old_rows jsonb[], new_rows jsonb[]) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'search', 'pg_temp'
    AS $$
declare
    -- counting plays and touching a row changes nothing that could hide it
    unseen constant text[] := array['play_count', 'updated_at'];
    changed constant jsonb[] := array(
        select coalesce(o.r, n.r) from unnest(old_rows) as o (r) full join unnest(new_rows) as n (r)
            on o.r - unseen = n.r - unseen
        where o.r is null or n.r is null);
    kept boolean;
begin
    kept := search_internal.follow_rows(table_name, changed);
    if not kept then
        perform search_internal.hide_rows(table_name, changed);
    end if;
    -- one note for each error; its lock keeps an adoption from removing it before this transaction ends
    perform from search.stale_notes n
    where (n.table_name, n.operation, n.error, n.followed) = (note_stale.table_name, note_stale.operation, note_stale.error, kept)
    limit 1 for key share;
    if not found then
        insert into search.stale_notes (table_name, operation, error, followed)
        values (note_stale.table_name, note_stale.operation, note_stale.error, kept);
    end if;
end;
$$;

--
-- Name: FUNCTION note_stale(table_name text, operation text, error text, old_rows jsonb[], new_rows jsonb[]); Type: COMMENT; Schema: search_internal; Owner: -
--

COMMENT ON FUNCTION search_internal.note_stale(table_name text, operation text, error text, old_rows jsonb[], new_rows jsonb[]) IS 'Note that a trigger failed on these rows, before and after the write. Rows that cannot be read again by their keys are hidden.';

--
-- Name: on_album_deleted(); Type: FUNCTION; Schema: search_internal; Owner: -
--

CREATE FUNCTION search_internal.on_album_deleted() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'search', 'pg_temp'
    AS $$
begin
    -- its tracks stay and take over the artist's name again: artists come before albums
    perform search_internal.await_renames('artist', array[old.artist_did::text]);
    return old;
end;
$$;

--
-- Name: FUNCTION on_album_deleted(); Type: COMMENT; Schema: search_internal; Owner: -
--

COMMENT ON FUNCTION search_internal.on_album_deleted() IS 'Keeps the order of locks where an album goes and its tracks stay.';

--
-- Name: on_albums_changed(); Type: FUNCTION; Schema: search_internal; Owner: -
--

CREATE FUNCTION search_internal.on_albums_changed() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'search', 'pg_temp'
    SET plan_cache_mode TO 'force_generic_plan'
    AS $$
begin
    if tg_op <> 'DELETE' then
        perform search_internal.await_renames('artist', array(select distinct artist_did::text from new_rows));
        perform search_internal.refresh_albums(array(select id from new_rows));
    end if;
    if tg_op <> 'INSERT' then perform search_internal.refresh_albums(array(select id from old_rows)); end if;
    if tg_op = 'UPDATE' then
        perform search_internal.refresh_tracks(array(
            select t.id from public.tracks t join new_rows n on n.id = t.album_id join old_rows o on o.id = n.id
            where n.title is distinct from o.title));
    end if;
    return null;
end;
$$;

--
-- Name: FUNCTION on_albums_changed(); Type: COMMENT; Schema: search_internal; Owner: -
--

COMMENT ON FUNCTION search_internal.on_albums_changed() IS 'Keeps the documents of albums equal to the catalogue.';

--
-- Name: on_artist_mirrored(); Type: FUNCTION; Schema: search_internal; Owner: -
--

CREATE FUNCTION search_internal.on_artist_mirrored() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'search', 'pg_temp'
    AS $$
begin
    perform search_internal.note_mirror_changes(search_internal.mirrored_tracks(array(
        select t.id from public.tracks t where t.artist_did = new.did and search.is_listed(t.visibility))))
    from search.mirror_namespaces n where n.state in ('filling', 'serving') limit 1;
    return null;
end;
$$;

--
-- Name: FUNCTION on_artist_mirrored(); Type: COMMENT; Schema: search_internal; Owner: -
--

COMMENT ON FUNCTION search_internal.on_artist_mirrored() IS 'Notes for the mirror all tracks of an artist who has another handle.';

--
-- Name: on_artists_changed(); Type: FUNCTION; Schema: search_internal; Owner: -
--

CREATE FUNCTION search_internal.on_artists_changed() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'search', 'pg_temp'
    SET plan_cache_mode TO 'force_generic_plan'
    AS $$
declare
    renamed text[];
begin
    if tg_op <> 'INSERT' then perform search_internal.refresh_artists(array(select did from old_rows)); end if;
    if tg_op <> 'DELETE' then perform search_internal.refresh_artists(array(select did from new_rows)); end if;
    if tg_op = 'UPDATE' then
        select array_agg(n.did) into renamed
        from new_rows n left join old_rows o using (did)
        where (n.handle, n.display_name) is distinct from (o.handle, o.display_name);
        perform search_internal.refresh_albums(array(select id from public.albums where artist_did = any (renamed)));
        perform search_internal.refresh_playlists(array(select id from public.playlists where owner_did = any (renamed)));
        perform search_internal.refresh_tracks(array(select id from public.tracks where artist_did = any (renamed)));
    end if;
    return null;
end;
$$;

--
-- Name: FUNCTION on_artists_changed(); Type: COMMENT; Schema: search_internal; Owner: -
--

COMMENT ON FUNCTION search_internal.on_artists_changed() IS 'Keeps the documents of artists, and of what bears their names, equal to the catalogue.';

--
-- Name: on_audio_replaced(); Type: FUNCTION; Schema: search_internal; Owner: -
--

CREATE FUNCTION search_internal.on_audio_replaced() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'search', 'pg_temp'
    AS $$
begin
    if jsonb_typeof(new.extra) = 'object' and new.extra ->> 'genre_predictions_file_id' is distinct from new.file_id then
        new.extra := new.extra - 'genre_predictions' - 'genre_predictions_file_id';
    end if;
    delete from search.embeddings e where e.track_id = old.id and e.file_id <> new.file_id;
    delete from search.job_failures f where f.track_id = old.id and f.file_id <> new.file_id;
    return new;
end;
$$;

--
-- Name: FUNCTION on_audio_replaced(); Type: COMMENT; Schema: search_internal; Owner: -
--

COMMENT ON FUNCTION search_internal.on_audio_replaced() IS 'Discards the vectors, genre predictions and failures of a track''s former audio.';

--
-- Name: on_audio_used(); Type: FUNCTION; Schema: search_internal; Owner: -
--

CREATE FUNCTION search_internal.on_audio_used() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'search', 'pg_temp'
    AS $$
begin
    if tg_op <> 'INSERT' then
        -- another track may still use it, which is looked at before a file is removed; two that go at once could each take the other for a user
        update search.stored_audio a set unused_since = now() where a.file_id = old.file_id and a.unused_since is null;
    end if;
    if tg_op <> 'DELETE' and exists (select from search.stored_audio a where a.file_id = new.file_id) then
        -- waits for a removal of the file that is under way, and then finds no row
        update search.stored_audio a set unused_since = null where a.file_id = new.file_id;
        if not found then
            raise exception 'the audio % has just been removed, for no track used it', new.file_id
                using errcode = 'serialization_failure', hint = 'Store it again.';
        end if;
    end if;
    return null;
end;
$$;

--
-- Name: FUNCTION on_audio_used(); Type: COMMENT; Schema: search_internal; Owner: -
--

COMMENT ON FUNCTION search_internal.on_audio_used() IS 'Notes in search.stored_audio whether a file may be without a track, and keeps a track from using one that is being removed.';

--
-- Name: on_document_written(); Type: FUNCTION; Schema: search_internal; Owner: -
--

CREATE FUNCTION search_internal.on_document_written() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'search', 'pg_temp'
    AS $$
begin
    -- longer than a query may be, and short enough for every index
    new.normalized := left(new.normalized, 300);
    new.context := left(new.context, 2000);
    new.level := search_internal.popularity_level(new.popularity);
    new.tokens := search_internal.document_tokens(new.kind, new.level, new.normalized, new.context);
    return new;
end;
$$;

--
-- Name: FUNCTION on_document_written(); Type: COMMENT; Schema: search_internal; Owner: -
--

COMMENT ON FUNCTION search_internal.on_document_written() IS 'Shortens very long names, and derives the level and the tokens of a document.';

--
-- Name: on_documents_written(); Type: FUNCTION; Schema: search_internal; Owner: -
--

CREATE FUNCTION search_internal.on_documents_written() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'search', 'pg_temp'
    AS $$
declare
    names text[] := '{}';
    levels smallint[] := '{}';
    changes integer[] := '{}';
begin
    if tg_op <> 'DELETE' then
        select names || array_agg(n.normalized), levels || array_agg(n.level), changes || array_agg(1)
        into names, levels, changes from new_rows n where n.listed;
    end if;
    if tg_op <> 'INSERT' then
        select names || array_agg(o.normalized), levels || array_agg(o.level), changes || array_agg(-1)
        into names, levels, changes from old_rows o where o.listed;
    end if;
    if cardinality(names) > 0 then
        perform search_internal.change_word_counts(names, levels, changes);
    end if;
    return null;
end;
$$;

--
-- Name: FUNCTION on_documents_written(); Type: COMMENT; Schema: search_internal; Owner: -
--

COMMENT ON FUNCTION search_internal.on_documents_written() IS 'Counts the words of listed names that came or went.';

--
-- Name: on_embedding_mirrored(); Type: FUNCTION; Schema: search_internal; Owner: -
--

CREATE FUNCTION search_internal.on_embedding_mirrored() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'search', 'pg_temp'
    AS $$
begin
    -- as search_internal.note_mirror_changes does, in one statement: this is paid by every vector that is stored
    insert into search.mirror_changes as c (track_id)
    select coalesce(new.track_id, old.track_id)
    from search.mirror_namespaces n
    where n.model_id = coalesce(new.model_id, old.model_id) and n.state in ('filling', 'serving')
    limit 1
    on conflict (track_id) do update
    set version = null, attempts = 0, refused = null, retry_at = null
    where c.version is not null or c.refused is not null;
    return null;
end;
$$;

--
-- Name: FUNCTION on_embedding_mirrored(); Type: COMMENT; Schema: search_internal; Owner: -
--

COMMENT ON FUNCTION search_internal.on_embedding_mirrored() IS 'Notes for the mirror that a track has a vector, another one, or none any more.';

--
-- Name: on_playlist_tracks_changed(); Type: FUNCTION; Schema: search_internal; Owner: -
--

CREATE FUNCTION search_internal.on_playlist_tracks_changed() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'search', 'pg_temp'
    SET plan_cache_mode TO 'force_generic_plan'
    AS $$
begin
    if tg_op <> 'INSERT' then
        insert into search.track_count_changes (kind, key, change)
        select 'playlist', o.playlist_id::text, -count(*)
        from old_rows o join search.documents d on d.kind = 'track' and d.key = o.track_id::text and d.listed
        group by o.playlist_id having search_internal.own_track_count(o.playlist_id::text) is null;
    end if;
    if tg_op <> 'DELETE' then
        insert into search.track_count_changes (kind, key, change)
        select 'playlist', n.playlist_id::text, count(*)
        from new_rows n join search.documents d on d.kind = 'track' and d.key = n.track_id::text and d.listed
        group by n.playlist_id having search_internal.own_track_count(n.playlist_id::text) is null;
    end if;
    return null;
end;
$$;

--
-- Name: FUNCTION on_playlist_tracks_changed(); Type: COMMENT; Schema: search_internal; Owner: -
--

COMMENT ON FUNCTION search_internal.on_playlist_tracks_changed() IS 'Keeps the counts of playlists equal to the catalogue.';

--
-- Name: on_playlists_changed(); Type: FUNCTION; Schema: search_internal; Owner: -
--

CREATE FUNCTION search_internal.on_playlists_changed() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'search', 'pg_temp'
    SET plan_cache_mode TO 'force_generic_plan'
    AS $$
begin
    if tg_op <> 'INSERT' then perform search_internal.refresh_playlists(array(select id from old_rows)); end if;
    if tg_op <> 'DELETE' then
        perform search_internal.await_renames('artist', array(select distinct owner_did::text from new_rows));
        perform search_internal.refresh_playlists(array(select id from new_rows));
    end if;
    return null;
end;
$$;

--
-- Name: FUNCTION on_playlists_changed(); Type: COMMENT; Schema: search_internal; Owner: -
--

COMMENT ON FUNCTION search_internal.on_playlists_changed() IS 'Keeps the documents of playlists equal to the catalogue.';

--
-- Name: on_tags_changed(); Type: FUNCTION; Schema: search_internal; Owner: -
--

CREATE FUNCTION search_internal.on_tags_changed() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'search', 'pg_temp'
    SET plan_cache_mode TO 'force_generic_plan'
    AS $$
begin
    if tg_op <> 'INSERT' then perform search_internal.refresh_tags(array(select id from old_rows)); end if;
    if tg_op <> 'DELETE' then perform search_internal.refresh_tags(array(select id from new_rows)); end if;
    if tg_op = 'UPDATE' then
        perform search_internal.refresh_tracks(array(
            select distinct tt.track_id from public.track_tags tt join new_rows n on n.id = tt.tag_id join old_rows o on o.id = n.id
            where n.name is distinct from o.name));
    end if;
    return null;
end;
$$;

--
-- Name: FUNCTION on_tags_changed(); Type: COMMENT; Schema: search_internal; Owner: -
--

COMMENT ON FUNCTION search_internal.on_tags_changed() IS 'Keeps the documents of tags equal to the catalogue.';

--
-- Name: on_track_deleted(); Type: FUNCTION; Schema: search_internal; Owner: -
--

CREATE FUNCTION search_internal.on_track_deleted() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'search', 'pg_temp'
    SET plan_cache_mode TO 'force_generic_plan'
    AS $$
begin
    -- before any name of a track is locked: after that, its rows are gone that say which these are, and hiding them would be too late
    perform search_internal.await_renames_around(array[old.id]);
    if search.is_listed(old.visibility) then
        perform search_internal.change_track_counts(array[old.id], -1);
    end if;
    return old;
end;
$$;

--
-- Name: FUNCTION on_track_deleted(); Type: COMMENT; Schema: search_internal; Owner: -
--

COMMENT ON FUNCTION search_internal.on_track_deleted() IS 'Counts a track out of its tags and playlists while the rows that say which are still there.';

--
-- Name: on_track_mirrored(); Type: FUNCTION; Schema: search_internal; Owner: -
--

CREATE FUNCTION search_internal.on_track_mirrored() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'search', 'pg_temp'
    AS $$
begin
    perform search_internal.note_mirror_changes(search_internal.mirrored_tracks(array[new.id]))
    from search.mirror_namespaces n where n.state in ('filling', 'serving') limit 1;
    return null;
end;
$$;

--
-- Name: FUNCTION on_track_mirrored(); Type: COMMENT; Schema: search_internal; Owner: -
--

COMMENT ON FUNCTION search_internal.on_track_mirrored() IS 'Notes for the mirror that a track is called otherwise or belongs to another. Whether it is listed comes with its vector.';

--
-- Name: on_track_tags_changed(); Type: FUNCTION; Schema: search_internal; Owner: -
--

CREATE FUNCTION search_internal.on_track_tags_changed() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'search', 'pg_temp'
    SET plan_cache_mode TO 'force_generic_plan'
    AS $$
begin
    -- whether a track counts is asked of its document; one that is being deleted has none any more and was counted out before
    if tg_op <> 'INSERT' then
        insert into search.track_count_changes (kind, key, change)
        select 'tag', o.tag_id::text, -count(*)
        from old_rows o join search.documents d on d.kind = 'track' and d.key = o.track_id::text and d.listed
        group by o.tag_id;
        perform search_internal.relist_tags(array(select distinct tag_id from old_rows));
        perform search_internal.refresh_tracks(array(select distinct track_id from old_rows));
    end if;
    if tg_op <> 'DELETE' then
        insert into search.track_count_changes (kind, key, change)
        select 'tag', n.tag_id::text, count(*)
        from new_rows n join search.documents d on d.kind = 'track' and d.key = n.track_id::text and d.listed
        group by n.tag_id;
        perform search_internal.await_renames('tag', array(select distinct tag_id::text from new_rows));
        perform search_internal.relist_tags(array(select distinct tag_id from new_rows));
        perform search_internal.refresh_tracks(array(select distinct track_id from new_rows));
    end if;
    return null;
end;
$$;

--
-- Name: FUNCTION on_track_tags_changed(); Type: COMMENT; Schema: search_internal; Owner: -
--

COMMENT ON FUNCTION search_internal.on_track_tags_changed() IS 'Keeps the counts of tags, and the tags in the documents of tracks, equal to the catalogue.';

--
-- Name: on_tracks_changed(); Type: FUNCTION; Schema: search_internal; Owner: -
--

CREATE FUNCTION search_internal.on_tracks_changed() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'search', 'pg_temp'
    SET plan_cache_mode TO 'force_generic_plan'
    AS $$
begin
    if tg_op = 'INSERT' then
        perform search_internal.await_renames_around(array(select id from new_rows));
        insert into search.track_count_changes (kind, key, change)
        select 'artist', artist_did, count(*) from new_rows n where search.is_listed(n.visibility) group by artist_did
        union all
        select 'album', album_id::text, count(*) from new_rows n
        where search.is_listed(n.visibility) and album_id is not null group by album_id;
        perform search_internal.relist_albums(array(select distinct album_id from new_rows where album_id is not null));
        perform search_internal.refresh_tracks(array(select id from new_rows));
    elsif tg_op = 'DELETE' then
        insert into search.track_count_changes (kind, key, change)
        select 'artist', artist_did, -count(*) from old_rows o where search.is_listed(o.visibility) group by artist_did
        union all
        select 'album', album_id::text, -count(*) from old_rows o
        where search.is_listed(o.visibility) and album_id is not null group by album_id;
        perform search_internal.relist_albums(array(select distinct album_id from old_rows where album_id is not null));
        perform search_internal.refresh_tracks(array(select id from old_rows));
    end if;
    return null;
end;
$$;

--
-- Name: FUNCTION on_tracks_changed(); Type: COMMENT; Schema: search_internal; Owner: -
--

COMMENT ON FUNCTION search_internal.on_tracks_changed() IS 'Keeps the documents of tracks, and of what holds them, equal to the catalogue.';

--
-- Name: on_tracks_hidden_or_shown(bigint[], bigint[]); Type: FUNCTION; Schema: search_internal; Owner: -
--

CREATE FUNCTION search_internal.on_tracks_hidden_or_shown(shown bigint[], hidden bigint[]) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'search', 'pg_temp'
    SET plan_cache_mode TO 'force_generic_plan'
    AS $$
begin
    perform search_internal.change_track_counts(shown, 1);
    perform search_internal.change_track_counts(hidden, -1);
    perform search_internal.relist_tags(array(
        select distinct tag_id from public.track_tags where track_id = any (shown || hidden)));
end;
$$;

--
-- Name: FUNCTION on_tracks_hidden_or_shown(shown bigint[], hidden bigint[]); Type: COMMENT; Schema: search_internal; Owner: -
--

COMMENT ON FUNCTION search_internal.on_tracks_hidden_or_shown(shown bigint[], hidden bigint[]) IS 'Counts and lists the tags and playlists of tracks that became listed or ceased to be.';

--
-- Name: on_tracks_updated(); Type: FUNCTION; Schema: search_internal; Owner: -
--

CREATE FUNCTION search_internal.on_tracks_updated() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'search', 'pg_temp'
    SET plan_cache_mode TO 'force_generic_plan'
    AS $$
declare
    renumbered bigint[] := array(select o.id from old_rows o where not exists (select from new_rows n where n.id = o.id));
    -- whose place or visibility changed: seldom any
    moved bigint[] := array(
        select n.id from new_rows n join old_rows o using (id)
        where (n.visibility, n.artist_did, n.album_id) is distinct from (o.visibility, o.artist_did, o.album_id));
begin
    if cardinality(moved) > 0 then
        perform search_internal.await_renames_around(moved);
        update search.embeddings e
        set listed = search.is_listed(n.visibility), owner = search.private_owner(n.visibility, n.artist_did),
            audience = search_internal.audience(n.visibility)
        from new_rows n join old_rows o using (id)
        where e.track_id = n.id and (n.visibility, n.artist_did) is distinct from (o.visibility, o.artist_did);

        insert into search.track_count_changes (kind, key, change)
        select holder.kind, holder.key, sum(holder.change)
        from (
            select 1 as change, n.artist_did, n.album_id, n.visibility as visibility from new_rows n where n.id = any (moved)
            union all
            select -1, o.artist_did, o.album_id, o.visibility from old_rows o where o.id = any (moved)
        ) as row_of
        cross join lateral (
            values ('artist', row_of.artist_did, row_of.change), ('album', row_of.album_id::text, row_of.change)
        ) as holder (kind, key, change)
        where holder.key is not null and search.is_listed(row_of.visibility)
        group by holder.kind, holder.key having sum(holder.change) <> 0;
        perform search_internal.relist_albums(array(
            select album_id from new_rows where id = any (moved) and album_id is not null
            union select album_id from old_rows where id = any (moved) and album_id is not null));
        perform search_internal.on_tracks_hidden_or_shown(
            array(select n.id from new_rows n join old_rows o using (id)
                  where search.is_listed(n.visibility) and not search.is_listed(o.visibility)),
            array(select n.id from new_rows n join old_rows o using (id)
                  where search.is_listed(o.visibility) and not search.is_listed(n.visibility)));
    end if;
    if cardinality(renumbered) > 0 then
        perform search_internal.refresh_tracks(renumbered || array(select id from new_rows));
    else
        perform search_internal.refresh_tracks(array(
            select n.id from new_rows n join old_rows o using (id)
            where (n.title, n.visibility, n.artist_did, n.album_id, n.play_count)
                is distinct from (o.title, o.visibility, o.artist_did, o.album_id, o.play_count)));
    end if;
    return null;
end;
$$;

--
-- Name: FUNCTION on_tracks_updated(); Type: COMMENT; Schema: search_internal; Owner: -
--

COMMENT ON FUNCTION search_internal.on_tracks_updated() IS 'Keeps the documents and vectors of tracks, and of what holds them, equal to the catalogue.';

--
-- Name: own_popularity(); Type: FUNCTION; Schema: search_internal; Owner: -
--

CREATE FUNCTION search_internal.own_popularity() RETURNS bigint
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN 4096;

--
-- Name: FUNCTION own_popularity(); Type: COMMENT; Schema: search_internal; Owner: -
--

COMMENT ON FUNCTION search_internal.own_popularity() IS 'What a word of the viewer''s own private names counts as in search.words.popularity: people look for what is theirs.';

--
-- Name: own_track_count(text); Type: FUNCTION; Schema: search_internal; Owner: -
--

CREATE FUNCTION search_internal.own_track_count(playlist text) RETURNS bigint
    LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE
    SET search_path TO 'pg_catalog', 'search', 'pg_temp'
    SET plan_cache_mode TO 'force_generic_plan'
    AS $$
begin
    -- only the view of an adopted table may have this column
    return (select (to_jsonb(p) ->> 'own_track_count')::bigint from public.playlists p where p.id = playlist::search.playlist_id);
end;
$$;

--
-- Name: FUNCTION own_track_count(playlist text); Type: COMMENT; Schema: search_internal; Owner: -
--

COMMENT ON FUNCTION search_internal.own_track_count(playlist text) IS 'The tracks of a playlist by the count of an adopted catalogue that keeps no playlist_tracks; null elsewhere.';

--
-- Name: own_words(text[]); Type: FUNCTION; Schema: search_internal; Owner: -
--

CREATE FUNCTION search_internal.own_words(finders text[]) RETURNS text[]
    LANGUAGE sql STABLE PARALLEL SAFE
    SET search_path TO 'pg_catalog', 'search', 'pg_temp'
    AS $$
    -- names that only some may find; the vocabulary has all others
    select coalesce(array_agg(distinct own.word), '{}')
    from (
        select w.word
        from (
            select d.normalized from search.documents d
            where d.owner = any (finders) or d.audience = any (finders)
            order by d.popularity desc limit 1000
        ) as names
        cross join lateral string_to_table(names.normalized, ' ') as w (word)
        where w.word <> ''
        limit 4000
    ) as own;
$$;

--
-- Name: FUNCTION own_words(finders text[]); Type: COMMENT; Schema: search_internal; Owner: -
--

COMMENT ON FUNCTION search_internal.own_words(finders text[]) IS 'Words of names that the viewer may find and not everyone: 4,000, of the most popular. The vocabulary does not have them, because other people could find them out there.';

--
-- Name: popularity_level(real); Type: FUNCTION; Schema: search_internal; Owner: -
--

CREATE FUNCTION search_internal.popularity_level(popularity real) RETURNS smallint
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    SET search_path TO 'pg_catalog', 'pg_temp'
    RETURN (LEAST((6)::double precision, floor((popularity / (ln(4.0))::double precision))))::smallint;

--
-- Name: FUNCTION popularity_level(popularity real); Type: COMMENT; Schema: search_internal; Owner: -
--

COMMENT ON FUNCTION search_internal.popularity_level(popularity real) IS 'Level 0 to 6 of a popularity: each is a factor of four in plays, and so holds a few times fewer rows than the one below. Above 4,095 plays there are so few that they are read together.';

--
-- Name: queue_counts(); Type: FUNCTION; Schema: search_internal; Owner: -
--

CREATE FUNCTION search_internal.queue_counts() RETURNS TABLE(task text, priority integer, waiting bigint, retrying bigint, running bigint, failed bigint, cancelled bigint, done_last_minute bigint, done_last_hour bigint, oldest timestamp with time zone)
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'search', 'pg_temp'
    AS $$
    with done as (
        select e.job_id, max(e.at) as at
        from public.procrastinate_events e
        where e.type = 'succeeded' and e.at > now() - interval '1 hour'
        group by e.job_id
    ), counted as (
        select j.task_name, j.priority,
               count(*) filter (where j.status = 'todo' and not a.awaited and coalesce(j.scheduled_at <= now(), true)) as waiting,
               count(*) filter (where j.status = 'todo' and not a.awaited and j.scheduled_at > now()) as retrying,
               count(*) filter (where j.status = 'doing') as running,
               count(*) filter (where j.status = 'failed') as failed,
               count(*) filter (where j.status in ('cancelled', 'aborted')) as cancelled,
               count(*) filter (where d.at > now() - interval '1 minute') as done_last_minute,
               count(d.at) as done_last_hour,
               min(j.id) filter (where j.status = 'todo' and not a.awaited or j.status = 'doing') as oldest_id
        from public.procrastinate_jobs j
        cross join lateral (select j.queue_name = search_internal.awaited_audio_queue()) as a (awaited)
        left join done d on d.job_id = j.id
        group by j.task_name, j.priority
    )
    select c.task_name, c.priority, c.waiting, c.retrying, c.running, c.failed, c.cancelled,
           c.done_last_minute, c.done_last_hour,
           (select min(e.at) from public.procrastinate_events e where e.job_id = c.oldest_id)
    from counted c;
$$;

--
-- Name: FUNCTION queue_counts(); Type: COMMENT; Schema: search_internal; Owner: -
--

COMMENT ON FUNCTION search_internal.queue_counts() IS 'The queue by task and priority: jobs that wait, wait for another attempt, run, failed and were cancelled, those done in the last minute and hour, and when the oldest unfinished one was enqueued. Jobs that wait for their audio are left out.';

--
-- Name: raise_mirror_version(bigint); Type: FUNCTION; Schema: search_internal; Owner: -
--

CREATE FUNCTION search_internal.raise_mirror_version(least_version bigint) RETURNS void
    LANGUAGE sql
    SET search_path TO 'pg_catalog', 'search', 'pg_temp'
    AS $$
    select setval('search.mirror_versions', greatest(least_version, nextval('search.mirror_versions')));
$$;

--
-- Name: FUNCTION raise_mirror_version(least_version bigint); Type: COMMENT; Schema: search_internal; Owner: -
--

COMMENT ON FUNCTION search_internal.raise_mirror_version(least_version bigint) IS 'Let versions go on above one that a mirror has: a database that was restored counts from where its backup was.';

--
-- Name: ranked_page(text, public.halfvec, text[], text[], integer, double precision, double precision, bigint[]); Type: FUNCTION; Schema: search_internal; Owner: -
--

CREATE FUNCTION search_internal.ranked_page(q text, query_embedding public.halfvec, finders text[], types text[], max_per_type integer, audibility double precision, min_confidence double precision, candidates bigint[] DEFAULT NULL::bigint[]) RETURNS TABLE("position" bigint, kind text, key text, tier search.tier, held boolean, class integer, fields text[], quality real, popularity real, similarity real, confidence real)
    LANGUAGE plpgsql STABLE ROWS 100 PARALLEL SAFE
    SET search_path TO 'pg_catalog', 'search', 'pg_temp'
    SET plan_cache_mode TO 'force_generic_plan'
    SET jit TO 'off'
    AS $$
declare
    typed constant text[] := coalesce(search_internal.typed_words(search.normalize_text(q)), '{}');
begin
    return query
    -- each entity once, by its best signal, saying everything that matched
    with fused as (
        select s.kind, s.key, (array_agg(s order by s.tier, s.held, s.class, s.quality desc))[1] as best,
               array_agg(distinct s.field) as fields,
               max(s.popularity) as popularity, max(s.similarity) as similarity, max(s.confidence) as confidence
        from search_internal.signals(q, query_embedding, finders, types, max_per_type, audibility, min_confidence, candidates) as s
        group by s.kind, s.key
    ),
    ordered as (
        select f.kind, f.key, (f.best).tier, (f.best).held, (f.best).class, (f.best).quality,
               f.fields, f.popularity, f.similarity, f.confidence,
               case when (f.best).tier = 'sound' then -f.similarity end as distance, length(f.key) as key_length
        from fused f
    ),
    chosen as (
        select o.*, row_number() over (
                   partition by o.kind
                   order by o.tier, o.held, o.class, o.distance, o.popularity desc, o.key_length, o.key) as of_kind
        from ordered o
    )
    select row_number() over (
               order by c.tier, c.held, c.class, c.distance, c.popularity desc,
                        array_position(types, c.kind), c.key_length, c.key),
           c.kind, c.key, c.tier, c.held, c.class,
           case when c.tier = 'word_prefix' and not c.held and c.class = search_internal.context_word()
                then c.fields || search_internal.named_by(c.kind, c.key, typed) else c.fields end,
           c.quality, c.popularity, c.similarity, c.confidence
    from chosen c
    where c.of_kind <= max_per_type;
end;
$$;

--
-- Name: FUNCTION ranked_page(q text, query_embedding public.halfvec, finders text[], types text[], max_per_type integer, audibility double precision, min_confidence double precision, candidates bigint[]); Type: COMMENT; Schema: search_internal; Owner: -
--

COMMENT ON FUNCTION search_internal.ranked_page(q text, query_embedding public.halfvec, finders text[], types text[], max_per_type integer, audibility double precision, min_confidence double precision, candidates bigint[]) IS 'The order of a page: each entity once, the best max_per_type of each type.';

--
-- Name: refresh_albums(search.album_id[]); Type: FUNCTION; Schema: search_internal; Owner: -
--

CREATE FUNCTION search_internal.refresh_albums(album_ids search.album_id[]) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'search', 'pg_temp'
    SET plan_cache_mode TO 'force_generic_plan'
    AS $$
begin
    perform search_internal.lock_documents('album', album_ids::text[]);
    delete from search.documents d
    where d.kind = 'album' and d.key = any (album_ids::text[])
      and not exists (select from public.albums a where a.id = d.key::search.album_id);

    insert into search.documents as d (kind, key, field, label, normalized, context, popularity, track_count, listed, owner, audience)
    select 'album', a.id::text, 'title', a.title, search.normalize_text(a.title),
           search.normalize_text(concat_ws(' ', artist.display_name, artist.handle)),
           ln(1 + held.listed), held.listed, seen.listed, seen.owner, seen.audience
    from search_internal.count_tracks('album', album_ids::text[]) as held
    join public.albums a on a.id = held.key::search.album_id
    join public.artists artist on artist.did = a.artist_did
    join search_internal.albums_seen(album_ids) as seen on seen.album_id = a.id
    order by a.id
    on conflict (kind, key, field) do update
    set label = excluded.label, normalized = excluded.normalized, context = excluded.context,
        listed = excluded.listed, owner = excluded.owner, audience = excluded.audience
    where (d.label, d.context, d.listed, d.owner, d.audience)
        is distinct from (excluded.label, excluded.context, excluded.listed, excluded.owner, excluded.audience);
end;
$$;

--
-- Name: FUNCTION refresh_albums(album_ids search.album_id[]); Type: COMMENT; Schema: search_internal; Owner: -
--

COMMENT ON FUNCTION search_internal.refresh_albums(album_ids search.album_id[]) IS 'Rebuild the documents of these albums.';

--
-- Name: refresh_artists(text[]); Type: FUNCTION; Schema: search_internal; Owner: -
--

CREATE FUNCTION search_internal.refresh_artists(dids text[]) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'search', 'pg_temp'
    SET plan_cache_mode TO 'force_generic_plan'
    AS $$
begin
    perform search_internal.lock_documents('artist', dids);
    delete from search.documents d
    where d.kind = 'artist' and d.key = any (dids)
      and not exists (select from public.artists a where a.did = d.key);

    insert into search.documents as d (kind, key, field, label, normalized, popularity, track_count, listed, owner, audience)
    select 'artist', a.did, name.field, name.label, search.normalize_text(name.label), ln(1 + held.listed), held.listed,
           search.is_listed('public'), search.private_owner('public', a.did),
           search_internal.audience('public')
    from search_internal.count_tracks('artist', dids) as held
    join public.artists a on a.did = held.key
    cross join lateral (values ('handle', a.handle), ('display_name', a.display_name)) as name (field, label)
    order by a.did, name.field
    on conflict (kind, key, field) do update
    set label = excluded.label, normalized = excluded.normalized, listed = excluded.listed, owner = excluded.owner,
        audience = excluded.audience
    where (d.label, d.listed, d.owner, d.audience)
        is distinct from (excluded.label, excluded.listed, excluded.owner, excluded.audience);
end;
$$;

--
-- Name: FUNCTION refresh_artists(dids text[]); Type: COMMENT; Schema: search_internal; Owner: -
--

COMMENT ON FUNCTION search_internal.refresh_artists(dids text[]) IS 'Rebuild the documents of these artists: one for the handle, one for the display name.';

--
-- Name: refresh_playlists(search.playlist_id[]); Type: FUNCTION; Schema: search_internal; Owner: -
--

CREATE FUNCTION search_internal.refresh_playlists(playlist_ids search.playlist_id[]) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'search', 'pg_temp'
    SET plan_cache_mode TO 'force_generic_plan'
    AS $$
begin
    perform search_internal.lock_documents('playlist', playlist_ids::text[]);
    delete from search.documents d
    where d.kind = 'playlist' and d.key = any (playlist_ids::text[])
      and not exists (
          select from public.playlists p
          where p.id = d.key::search.playlist_id and search_internal.is_findable(p.visibility)
      );

    insert into search.documents as d (kind, key, field, label, normalized, context, popularity, track_count, listed, owner, audience)
    select 'playlist', p.id::text, 'name', p.name, search.normalize_text(p.name),
           search.normalize_text(concat_ws(' ', a.display_name, a.handle)), ln(1 + held.listed), held.listed,
           search.is_listed(p.visibility), search.private_owner(p.visibility, p.owner_did), search_internal.audience(p.visibility)
    from search_internal.count_tracks('playlist', playlist_ids::text[]) as held
    join public.playlists p on p.id = held.key::search.playlist_id
    join public.artists a on a.did = p.owner_did
    where search_internal.is_findable(p.visibility)
    order by p.id
    on conflict (kind, key, field) do update
    set label = excluded.label, normalized = excluded.normalized, context = excluded.context,
        listed = excluded.listed, owner = excluded.owner, audience = excluded.audience
    where (d.label, d.context, d.listed, d.owner, d.audience)
        is distinct from (excluded.label, excluded.context, excluded.listed, excluded.owner, excluded.audience);

    insert into search.track_count_changes (kind, key, change)
    select 'playlist', own.key, own.count - search.track_count('playlist', own.key)
    from (select id::text as key, search_internal.own_track_count(id::text) as count from unnest(playlist_ids) as id) as own
    where own.count <> search.track_count('playlist', own.key);
end;
$$;

--
-- Name: FUNCTION refresh_playlists(playlist_ids search.playlist_id[]); Type: COMMENT; Schema: search_internal; Owner: -
--

COMMENT ON FUNCTION search_internal.refresh_playlists(playlist_ids search.playlist_id[]) IS 'Rebuild the documents of these playlists.';

--
-- Name: refresh_tags(bigint[]); Type: FUNCTION; Schema: search_internal; Owner: -
--

CREATE FUNCTION search_internal.refresh_tags(tag_ids bigint[]) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'search', 'pg_temp'
    SET plan_cache_mode TO 'force_generic_plan'
    AS $$
begin
    perform search_internal.lock_documents('tag', tag_ids::text[]);
    delete from search.documents d
    where d.kind = 'tag' and d.key = any (tag_ids::text[])
      and not exists (select from public.tags g where g.id = d.key::bigint);

    insert into search.documents as d (kind, key, field, label, normalized, popularity, track_count, listed)
    select 'tag', g.id::text, 'name', g.name, search.normalize_text(g.name), ln(1 + held.listed), held.listed, held.listed > 0 and search.is_listed('public')
    from search_internal.count_tracks('tag', tag_ids::text[]) as held
    join public.tags g on g.id = held.key::bigint
    order by g.id
    on conflict (kind, key, field) do update
    set label = excluded.label, normalized = excluded.normalized
    where d.label is distinct from excluded.label;
    -- a rule may hide a tag whose name stays
    perform search_internal.relist_tags(tag_ids);
end;
$$;

--
-- Name: FUNCTION refresh_tags(tag_ids bigint[]); Type: COMMENT; Schema: search_internal; Owner: -
--

COMMENT ON FUNCTION search_internal.refresh_tags(tag_ids bigint[]) IS 'Rebuild the documents of these tags.';

--
-- Name: refresh_tracks(bigint[]); Type: FUNCTION; Schema: search_internal; Owner: -
--

CREATE FUNCTION search_internal.refresh_tracks(track_ids bigint[]) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'search', 'pg_temp'
    SET plan_cache_mode TO 'force_generic_plan'
    SET enable_seqscan TO 'off'
    AS $$
begin
    perform search_internal.lock_documents('track', track_ids::text[]);
    delete from search.documents d
    where d.kind = 'track' and d.key = any (track_ids::text[])
      and not exists (
          select from public.tracks t
          where t.id = d.key::bigint and search_internal.is_findable(t.visibility)
      );

    insert into search.documents as d (kind, key, field, label, normalized, context, popularity, listed, owner, audience)
    -- Normalising is most of the work: what stands normalised in a document already is taken from there. Each is looked up by
    -- itself: a join that was planned while there were few documents would read all of them.
    select 'track', t.id::text, 'title', t.title,
           coalesce((
               select d.normalized from search.documents d
               where d.kind = 'track' and d.key = t.id::text and d.field = 'title' and d.label = t.title),
               search.normalize_text(t.title)),
           concat_ws(' ',
               coalesce((
                   select d.normalized from search.documents d
                   where d.kind = 'artist' and d.key = t.artist_did and d.field = 'display_name'),
                   search.normalize_text(a.display_name)),
               coalesce((
                   select d.normalized from search.documents d
                   where d.kind = 'artist' and d.key = t.artist_did and d.field = 'handle'),
                   search.normalize_text(a.handle)),
               coalesce((
                   select d.normalized from search.documents d
                   where d.kind = 'album' and d.key = t.album_id::text and d.field = 'title'),
                   search.normalize_text(b.title)),
               tagged.names, tagged.ids),
           ln(1 + t.play_count),
           search.is_listed(t.visibility), search.private_owner(t.visibility, t.artist_did), search_internal.audience(t.visibility)
    from public.tracks t
    join public.artists a on a.did = t.artist_did
    left join public.albums b on b.id = t.album_id
    cross join lateral (
        -- tags by name, to be typed, and by id, to be exact: normalised text has no number sign
        select string_agg(coalesce((
                   select d.normalized from search.documents d
                   where d.kind = 'tag' and d.key = g.id::text and d.field = 'name'),
                   search.normalize_text(g.name)), ' ' order by g.id) as names,
               string_agg('#' || g.id, ' ' order by g.id) as ids
        from public.track_tags tt
        join public.tags g on g.id = tt.tag_id
        where tt.track_id = t.id
    ) as tagged
    where t.id = any (track_ids) and search_internal.is_findable(t.visibility)
    order by t.id
    on conflict (kind, key, field) do update
    set label = excluded.label, normalized = excluded.normalized, context = excluded.context,
        popularity = excluded.popularity, listed = excluded.listed, owner = excluded.owner, audience = excluded.audience
    where (d.label, d.context, d.popularity, d.listed, d.owner, d.audience)
        is distinct from (excluded.label, excluded.context, excluded.popularity, excluded.listed, excluded.owner, excluded.audience);
end;
$$;

--
-- Name: FUNCTION refresh_tracks(track_ids bigint[]); Type: COMMENT; Schema: search_internal; Owner: -
--

COMMENT ON FUNCTION search_internal.refresh_tracks(track_ids bigint[]) IS 'Rebuild the documents of these tracks.';

--
-- Name: refuse_released(); Type: FUNCTION; Schema: search_internal; Owner: -
--

CREATE FUNCTION search_internal.refuse_released() RETURNS boolean
    LANGUAGE plpgsql PARALLEL SAFE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
    raise exception 'search is released from the tables of the application'
        using errcode = 'object_not_in_prerequisite_state', hint = 'Run vibe-search db adopt.';
end;
$$;

--
-- Name: FUNCTION refuse_released(); Type: COMMENT; Schema: search_internal; Owner: -
--

COMMENT ON FUNCTION search_internal.refuse_released() IS 'Refuse to read the catalogue between vibe-search db release and the next vibe-search db adopt: what was hidden meanwhile is not known.';

--
-- Name: relist_albums(search.album_id[]); Type: FUNCTION; Schema: search_internal; Owner: -
--

CREATE FUNCTION search_internal.relist_albums(album_ids search.album_id[]) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'search', 'pg_temp'
    SET plan_cache_mode TO 'force_generic_plan'
    AS $$
begin
    -- a document that stays as it is is not locked: two uploads to one album do not wait for each other
    update search.documents d
    set listed = seen.listed, owner = seen.owner, audience = seen.audience
    from search_internal.albums_seen(album_ids) as seen
    where d.kind = 'album' and d.key = seen.album_id::text and d.field = 'title'
      and (d.listed, d.owner, d.audience) is distinct from (seen.listed, seen.owner, seen.audience);
end;
$$;

--
-- Name: FUNCTION relist_albums(album_ids search.album_id[]); Type: COMMENT; Schema: search_internal; Owner: -
--

COMMENT ON FUNCTION search_internal.relist_albums(album_ids search.album_id[]) IS 'List or hide these albums after a change of their tracks.';

--
-- Name: relist_tags(bigint[]); Type: FUNCTION; Schema: search_internal; Owner: -
--

CREATE FUNCTION search_internal.relist_tags(tag_ids bigint[]) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'search', 'pg_temp'
    SET plan_cache_mode TO 'force_generic_plan'
    AS $$
begin
    with changed as (
        select d.key, seen.listed
        from search.documents d
        cross join lateral (
            select exists (
                select from public.track_tags tt
                join public.tracks t on t.id = tt.track_id
                join public.tags g on g.id = tt.tag_id
                where tt.tag_id = d.key::bigint and search.is_listed(t.visibility) and search.is_listed('public'))
        ) as seen (listed)
        where d.kind = 'tag' and d.key = any (tag_ids::text[]) and d.field = 'name' and d.listed <> seen.listed
        order by d.key for no key update of d
    )
    update search.documents d set listed = c.listed
    from changed c where d.kind = 'tag' and d.key = c.key and d.field = 'name';
end;
$$;

--
-- Name: FUNCTION relist_tags(tag_ids bigint[]); Type: COMMENT; Schema: search_internal; Owner: -
--

COMMENT ON FUNCTION search_internal.relist_tags(tag_ids bigint[]) IS 'List or hide these tags after a change of their tracks. A tag that only private or unlisted tracks carry is found by nobody.';

--
-- Name: relist_vectors(bigint[]); Type: FUNCTION; Schema: search_internal; Owner: -
--

CREATE FUNCTION search_internal.relist_vectors(track_ids bigint[]) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'search', 'pg_temp'
    SET plan_cache_mode TO 'force_generic_plan'
    SET enable_seqscan TO 'off'
    AS $$
begin
    delete from search.embeddings e using public.tracks t
    where e.track_id = any (track_ids) and t.id = e.track_id and t.file_id <> e.file_id;
    update search.embeddings e
    set listed = search.is_listed(t.visibility), owner = search.private_owner(t.visibility, t.artist_did),
        audience = search_internal.audience(t.visibility)
    from public.tracks t
    where e.track_id = any (track_ids) and t.id = e.track_id
      and (e.listed, e.owner, e.audience) is distinct from (
          search.is_listed(t.visibility), search.private_owner(t.visibility, t.artist_did), search_internal.audience(t.visibility));
end;
$$;

--
-- Name: FUNCTION relist_vectors(track_ids bigint[]); Type: COMMENT; Schema: search_internal; Owner: -
--

COMMENT ON FUNCTION search_internal.relist_vectors(track_ids bigint[]) IS 'Make who may find the vectors of these tracks equal to the catalogue, and drop those of former audio.';

--
-- Name: resume_switch(); Type: FUNCTION; Schema: search_internal; Owner: -
--

CREATE FUNCTION search_internal.resume_switch() RETURNS bigint
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'search', 'pg_temp'
    AS $$
declare
    -- while jobs of the candidate are in the queue, they are what is missing
    resumed constant text := (
        select m.identity
        from search.models m
        where m.candidate
          and not exists (
                select from public.procrastinate_jobs j
                where j.task_name = 'embed_track' and j.status in ('todo', 'doing') and j.args ->> 'model' = m.identity));
begin
    if resumed is null then
        return null;
    end if;
    return search.enqueue_missing_embeddings(resumed, search.job_priority('model_switch'), retry_failed => false);
end;
$$;

--
-- Name: FUNCTION resume_switch(); Type: COMMENT; Schema: search_internal; Owner: -
--

COMMENT ON FUNCTION search_internal.resume_switch() IS 'Enqueue what the candidate lacks once its queue is empty, such as uploads that were under way when it was requested; returns their number, or null when there is no candidate or its queue is not empty.';

--
-- Name: retire_mirror_namespaces(); Type: FUNCTION; Schema: search_internal; Owner: -
--

CREATE FUNCTION search_internal.retire_mirror_namespaces() RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'search', 'pg_temp'
    AS $$
begin
    -- first, so that new transactions note no changes
    update search.mirror_namespaces n set state = 'retired', retired_at = now() where n.state in ('filling', 'serving');
    delete from search.mirror_changes;
end;
$$;

--
-- Name: FUNCTION retire_mirror_namespaces(); Type: COMMENT; Schema: search_internal; Owner: -
--

COMMENT ON FUNCTION search_internal.retire_mirror_namespaces() IS 'Retire every namespace of the mirror, so that each is dropped, and forget the changes that it has yet to be told.';

--
-- Name: serve_mirror_namespace(integer); Type: FUNCTION; Schema: search_internal; Owner: -
--

CREATE FUNCTION search_internal.serve_mirror_namespace(generation integer) RETURNS boolean
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'search', 'pg_temp'
    AS $$
begin
    -- a process that has lost its lock without knowing must not retire what another has just let serve
    if not exists (
        select from search.mirror_namespaces n
        where n.generation = serve_mirror_namespace.generation and n.state = 'filling')
    then
        return false;
    end if;
    -- only one may serve, so the former goes first
    update search.mirror_namespaces n set state = 'retired', retired_at = now() where n.state = 'serving';
    update search.mirror_namespaces n set state = 'serving', served_at = now()
    where n.generation = serve_mirror_namespace.generation and n.state = 'filling';
    return true;
end;
$$;

--
-- Name: FUNCTION serve_mirror_namespace(generation integer); Type: COMMENT; Schema: search_internal; Owner: -
--

COMMENT ON FUNCTION search_internal.serve_mirror_namespace(generation integer) IS 'Let a namespace that was filled serve, and retire the one that did. False, and nothing is done, unless it was being filled.';

--
-- Name: signals(text, public.halfvec, text[], text[], integer, double precision, double precision, bigint[]); Type: FUNCTION; Schema: search_internal; Owner: -
--

CREATE FUNCTION search_internal.signals(q text, query_embedding public.halfvec, finders text[], types text[], max_per_type integer, audibility double precision, min_confidence double precision, candidates bigint[] DEFAULT NULL::bigint[]) RETURNS SETOF search_internal.signal
    LANGUAGE plpgsql STABLE ROWS 150 PARALLEL SAFE
    SET search_path TO 'pg_catalog', 'search', 'pg_temp'
    SET plan_cache_mode TO 'force_generic_plan'
    SET jit TO 'off'
    AS $$
declare
    -- an artist has two names, each a document
    enough constant integer := case when 'artist' = any (types) then 2 else 1 end * max_per_type;
    needle constant text := nullif(search.normalize_text(q), '');
    typed constant text[] := coalesce(search_internal.typed_words(needle), '{}');
    named search_internal.signal[] := '{}';
    lacking text[];
    own text[];
    forms record;
begin
    if needle is not null then
        named := search_internal.match_names(needle, types, finders, enough);
        lacking := search_internal.lacking(types, named, enough);
        if cardinality(lacking) > 0 then
            own := case when cardinality(finders) = 0 then '{}' else search_internal.own_words(finders) end;
            forms := search_internal.word_forms(typed, own);
            if forms.known and forms.rare then
                named := named || search_internal.match_rare_words(
                    forms.forms, forms.patterns, needle, typed[cardinality(typed)], lacking, finders, enough);
            elsif forms.known then
                named := named || search_internal.match_common_words(
                    forms.forms, forms.in_context, needle, typed[cardinality(typed)], lacking, finders, enough);
            end if;
            -- what is inside a word or misspelt is looked for only where names give little
            if cardinality(named) < 5 then
                named := named || array(
                    select distinct on (n.kind, n.key, n.field) n
                    from unnest(search_internal.match_roughly(typed, own, forms.known, needle, types, finders, enough)) as n
                    where not exists (
                        select from unnest(named) as k where (k.kind, k.key, k.field) = (n.kind, n.key, n.field))
                    order by n.kind, n.key, n.field, n.tier, n.class);
            end if;
        end if;
        if 'track' = any (types) and search_internal.has_room(named, max_per_type) then
            named := named || search_internal.match_held(named, finders, max_per_type);
        end if;
        return query select * from unnest(named);
    end if;
    -- before calibration any text is near to something: beside names only what can be trusted is listed
    if query_embedding is not null and 'track' = any (types) and (needle is null or search_internal.is_calibrated()) then
        return query
        select s.* from unnest(search_internal.match_sounds(
            query_embedding, finders, 2 * max_per_type, audibility, min_confidence, candidates)) as s
        where needle is null or s.confidence is not null;
    end if;
end;
$$;

--
-- Name: FUNCTION signals(q text, query_embedding public.halfvec, finders text[], types text[], max_per_type integer, audibility double precision, min_confidence double precision, candidates bigint[]); Type: COMMENT; Schema: search_internal; Owner: -
--

COMMENT ON FUNCTION search_internal.signals(q text, query_embedding public.halfvec, finders text[], types text[], max_per_type integer, audibility double precision, min_confidence double precision, candidates bigint[]) IS 'Every reason to list anything for q: what search.unified puts in order and search.explain shows. Beside names, sounds count only when the serving model is calibrated.';

--
-- Name: similar_words(text, text[], integer); Type: FUNCTION; Schema: search_internal; Owner: -
--

CREATE FUNCTION search_internal.similar_words(typed text, own text[], max_words integer DEFAULT 8) RETURNS TABLE(word text, edits integer)
    LANGUAGE sql STABLE STRICT ROWS 8 PARALLEL SAFE
    SET search_path TO 'pg_catalog', 'search', 'pg_temp'
    AS $$
    select found.word, slips.edits
    from (
        select near.word, public.levenshtein(near.word, typed) as edits, max(near.popularity) as popularity
        from (
            -- in a million tracks 140 entries are near to a word at most; uploads could add any number
            (select d.word, 1 as popularity
             from search.word_deletions d where d.deletion = any (array(select search_internal.deletions(typed))) limit 20000)
            union all
            select o.word, search_internal.own_popularity() from unnest(own) as o (word) where octet_length(o.word) < 256
        ) as near
        where near.word <> typed
          and abs(char_length(near.word) - char_length(typed)) <= case when char_length(typed) >= 8 then 2 else 1 end
        group by near.word
    ) as found
    cross join lateral (
        -- letters that changed places are two edits to Levenshtein, and one slip of the typist (Damerau, 1964)
        select case when found.edits in (2, 4) and char_length(found.word) = char_length(typed)
                         and search_internal.sorted_letters(found.word) = search_internal.sorted_letters(typed)
                    then found.edits / 2 else found.edits end
    ) as slips (edits)
    left join search.words w on w.word = found.word
    -- of three letters only those that lack the fourth
    where (char_length(typed) >= 4 or char_length(typed) = 3 and char_length(found.word) = 4)
      and found.edits <= case when char_length(typed) < 8 then 2 when char_length(found.word) = char_length(typed) then 4 else 3 end
    -- The likelier first, as in a noisy channel (Kernighan, Church and Gale, 1990): what is played more was meant more often, and
    -- an edit more has to be made up for by e ^ 4 = 55 times as many plays.
    order by 4 * slips.edits - ln(greatest(found.popularity, w.popularity)), found.word
    limit max_words;
$$;

--
-- Name: FUNCTION similar_words(typed text, own text[], max_words integer); Type: COMMENT; Schema: search_internal; Owner: -
--

COMMENT ON FUNCTION search_internal.similar_words(typed text, own text[], max_words integer) IS 'Words of the vocabulary, and of the viewer''s own, one typo away from what was typed, two if it has 8 letters or more: the likeliest first, by their edits and by how much what is called so is played.';

--
-- Name: slow_statements(integer); Type: FUNCTION; Schema: search_internal; Owner: -
--

CREATE FUNCTION search_internal.slow_statements(most integer DEFAULT 50) RETURNS TABLE(query text, calls bigint, mean_ms double precision, worst_ms double precision, total_ms double precision, rows_each double precision, read_share double precision)
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
declare
    home text := (
        select quote_ident(n.nspname) from pg_extension x join pg_namespace n on n.oid = x.extnamespace
        where x.extname = 'pg_stat_statements');
begin
    -- without the extension, or without its library in shared_preload_libraries, there is nothing to tell
    if home is null or current_setting('shared_preload_libraries') !~ 'pg_stat_statements' then
        return;
    end if;
    return query execute format($query$
        select s.query, s.calls, s.mean_exec_time, s.max_exec_time, s.total_exec_time,
               s.rows::double precision / s.calls,
               s.shared_blks_read::double precision / nullif(s.shared_blks_read + s.shared_blks_hit, 0)
        from %s.pg_stat_statements s
        where s.dbid = (select oid from pg_database where datname = current_database()) and s.calls > 0
        order by s.total_exec_time desc
        limit $1$query$, home) using most;
end;
$_$;

--
-- Name: FUNCTION slow_statements(most integer); Type: COMMENT; Schema: search_internal; Owner: -
--

COMMENT ON FUNCTION search_internal.slow_statements(most integer) IS 'The statements of this database that took most time in all, by pg_stat_statements; none where that extension is not in use.';

--
-- Name: sorted_letters(text); Type: FUNCTION; Schema: search_internal; Owner: -
--

CREATE FUNCTION search_internal.sorted_letters(word text) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    SET search_path TO 'pg_catalog', 'pg_temp'
    RETURN (SELECT string_agg(letter.letter, ''::text ORDER BY letter.letter) AS string_agg FROM string_to_table(sorted_letters.word, NULL::text) letter(letter));

--
-- Name: FUNCTION sorted_letters(word text); Type: COMMENT; Schema: search_internal; Owner: -
--

COMMENT ON FUNCTION search_internal.sorted_letters(word text) IS 'The letters of a word in order: equal for words that exchange letters.';

--
-- Name: sound_scale(public.halfvec, double precision); Type: FUNCTION; Schema: search_internal; Owner: -
--

CREATE FUNCTION search_internal.sound_scale(query_embedding public.halfvec, audibility double precision DEFAULT NULL::double precision, OUT mean real, OUT deviation real, OUT slope real, OUT intercept real, OUT audible real) RETURNS record
    LANGUAGE plpgsql STABLE PARALLEL SAFE
    SET search_path TO 'pg_catalog', 'search', 'pg_temp'
    AS $$
declare
    calibration search.calibrations;
begin
    if query_embedding is null then
        return;
    end if;
    -- a vector of another size is refused by search.nearest_tracks, in words
    select c.* into calibration from search.calibrations c
    join search.models m on m.id = c.model_id and m.serving and m.dimensions = public.vector_dims(query_embedding);
    if not found then
        return;
    end if;
    select avg(s.similarity), case when stddev_samp(s.similarity) > 1e-6 then stddev_samp(s.similarity) end into mean, deviation
    from (
        select 1 - (t.embedding operator(public.<=>) query_embedding) as similarity
        from search.calibration_tracks t where t.model_id = calibration.model_id
    ) as s;
    slope := calibration.match_slope;
    intercept := calibration.match_intercept;
    audible := coalesce(search_internal.logistic(calibration.audibility_slope * audibility + calibration.audibility_intercept), 1);
end;
$$;

--
-- Name: FUNCTION sound_scale(query_embedding public.halfvec, audibility double precision, OUT mean real, OUT deviation real, OUT slope real, OUT intercept real, OUT audible real); Type: COMMENT; Schema: search_internal; Owner: -
--

COMMENT ON FUNCTION search_internal.sound_scale(query_embedding public.halfvec, audibility double precision, OUT mean real, OUT deviation real, OUT slope real, OUT intercept real, OUT audible real) IS 'What turns this query''s similarities into confidence: mean and standard deviation over the sample of tracks, the serving model''s calibration, and the probability that the text speaks of sound at all (1 where that is not asked). All null before the first calibration.';

--
-- Name: store_genre_predictions(bigint, text, jsonb); Type: FUNCTION; Schema: search_internal; Owner: -
--

CREATE FUNCTION search_internal.store_genre_predictions(track_id bigint, file_id text, predictions jsonb) RETURNS boolean
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'search', 'pg_temp'
    AS $$
declare
    stored jsonb;
begin
    -- the lock makes a second run wait, and then find the flag gone
    select t.extra into stored
    from public.tracks t
    where t.id = store_genre_predictions.track_id and t.file_id = store_genre_predictions.file_id
    for no key update;
    if not found then
        return false;
    end if;

    update public.tracks t
    -- an adopted catalogue may have null in it
    set extra = case when jsonb_typeof(t.extra) = 'object' then t.extra - 'auto_tag' else '{}' end || jsonb_build_object(
        'genre_predictions', predictions, 'genre_predictions_file_id', t.file_id)
    where t.id = store_genre_predictions.track_id;
    if stored -> 'auto_tag' = 'true'::jsonb then
        perform search_internal.add_tags(store_genre_predictions.track_id, search_internal.choose_auto_tags(predictions));
    end if;
    return true;
end;
$$;

--
-- Name: FUNCTION store_genre_predictions(track_id bigint, file_id text, predictions jsonb); Type: COMMENT; Schema: search_internal; Owner: -
--

COMMENT ON FUNCTION search_internal.store_genre_predictions(track_id bigint, file_id text, predictions jsonb) IS 'Store what a classifier found in a track''s audio, in extra; where extra.auto_tag is true, make tags of the best of it and remove that flag. False, and nothing is done, when the track is gone or has other audio by now.';

--
-- Name: switch_now(text, text, integer); Type: FUNCTION; Schema: search_internal; Owner: -
--

CREATE FUNCTION search_internal.switch_now(name text, identity text, dimensions integer) RETURNS bigint
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'search', 'pg_temp'
    AS $$
begin
    perform search.register_model(name, identity, dimensions);
    perform search.serve_model(identity);
    return search.enqueue_missing_embeddings(identity);
end;
$$;

--
-- Name: FUNCTION switch_now(name text, identity text, dimensions integer); Type: COMMENT; Schema: search_internal; Owner: -
--

COMMENT ON FUNCTION search_internal.switch_now(name text, identity text, dimensions integer) IS 'Register a model and let it serve at once, filled or not; returns how many tracks are to be embedded by it.';

--
-- Name: tags_in_documents(bigint[]); Type: FUNCTION; Schema: search_internal; Owner: -
--

CREATE FUNCTION search_internal.tags_in_documents(track_ids bigint[]) RETURNS bigint[]
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'search', 'pg_temp'
    AS $$
    select coalesce(array_agg(distinct found.tag[1]::bigint), '{}')
    from search.documents d
    cross join lateral regexp_matches(d.context, '#(\d+)', 'g') as found (tag)
    where d.kind = 'track' and d.key = any (track_ids::text[]);
$$;

--
-- Name: FUNCTION tags_in_documents(track_ids bigint[]); Type: COMMENT; Schema: search_internal; Owner: -
--

COMMENT ON FUNCTION search_internal.tags_in_documents(track_ids bigint[]) IS 'The tags that the documents of tracks name.';

--
-- Name: take_unused_audio(interval); Type: FUNCTION; Schema: search_internal; Owner: -
--

CREATE FUNCTION search_internal.take_unused_audio(unused_for interval) RETURNS TABLE(file_id text, file_type text, used boolean)
    LANGUAGE sql
    SET search_path TO 'pg_catalog', 'search', 'pg_temp'
    AS $$
    -- what is locked is being uploaded or taken into use at this moment
    with found as (
        select a.file_id, a.file_type, exists (select from public.tracks t where t.file_id = a.file_id) as used
        from search.stored_audio a
        where a.unused_since <= now() - unused_for
        order by a.unused_since
        limit 1
        for update skip locked
    ), kept as (
        update search.stored_audio a set unused_since = null
        from found f where f.used and (a.file_id, a.file_type) = (f.file_id, f.file_type)
        returning a.file_id, a.file_type, true as used
    ), taken as (
        delete from search.stored_audio a
        using found f where not f.used and (a.file_id, a.file_type) = (f.file_id, f.file_type)
        returning a.file_id, a.file_type, false as used
    )
    select * from kept union all select * from taken;
$$;

--
-- Name: FUNCTION take_unused_audio(unused_for interval); Type: COMMENT; Schema: search_internal; Owner: -
--

COMMENT ON FUNCTION search_internal.take_unused_audio(unused_for interval) IS 'Look at one file that no track seemed to use for so long. Where that is true, its row goes: remove the file from the store, then commit. Where a track does use it, that is noted. No row when there is nothing left to look at.';

--
-- Name: typed_words(text); Type: FUNCTION; Schema: search_internal; Owner: -
--

CREATE FUNCTION search_internal.typed_words(needle text) RETURNS text[]
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    -- a word that was typed twice asks for nothing more, and what a search costs grows with its words
    select coalesce(array_agg(w.word order by w.place) filter (where w.number < 16 or w.place = w.last), '{}')
    from (
        select typed.word, max(typed.place) as place, max(max(typed.place)) over () as last,
               row_number() over (order by max(typed.place)) as number
        from string_to_table(needle, ' ') with ordinality as typed (word, place)
        where typed.word <> ''
        group by typed.word
    ) as w;
$$;

--
-- Name: FUNCTION typed_words(needle text); Type: COMMENT; Schema: search_internal; Owner: -
--

COMMENT ON FUNCTION search_internal.typed_words(needle text) IS 'The words of a normalised text, each once: the first 15 and the last, which may be only begun.';

--
-- Name: typo_class(real); Type: FUNCTION; Schema: search_internal; Owner: -
--

CREATE FUNCTION search_internal.typo_class(quality real) RETURNS integer
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN (((10)::double precision * ((1)::double precision - quality)))::integer;

--
-- Name: FUNCTION typo_class(quality real); Type: COMMENT; Schema: search_internal; Owner: -
--

COMMENT ON FUNCTION search_internal.typo_class(quality real) IS 'Class of a misspelt name, in tenths of what differs: one of which more was typed comes first, whatever its popularity.';

--
-- Name: unaccent(text); Type: FUNCTION; Schema: search_internal; Owner: -
--

CREATE FUNCTION search_internal.unaccent(value text) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    SET search_path TO 'pg_catalog', 'pg_temp'
    BEGIN ATOMIC
 SELECT public.unaccent('public.unaccent'::regdictionary, value) AS unaccent;
END;

--
-- Name: FUNCTION unaccent(value text); Type: COMMENT; Schema: search_internal; Owner: -
--

COMMENT ON FUNCTION search_internal.unaccent(value text) IS 'unaccent with a fixed dictionary, and therefore immutable.';

--
-- Name: unmirrored_tracks(); Type: FUNCTION; Schema: search_internal; Owner: -
--

CREATE FUNCTION search_internal.unmirrored_tracks() RETURNS bigint[]
    LANGUAGE sql STABLE PARALLEL SAFE
    SET search_path TO 'pg_catalog', 'search', 'pg_temp'
    AS $$
    select array(select c.track_id from search.mirror_changes c order by c.changed_at limit 1000);
$$;

--
-- Name: FUNCTION unmirrored_tracks(); Type: COMMENT; Schema: search_internal; Owner: -
--

COMMENT ON FUNCTION search_internal.unmirrored_tracks() IS 'Tracks that have changed and that the mirror has not been told about, at most 1,000: candidates beside those of the mirror, so that a search finds what has just been written.';

--
-- Name: update_track(bigint, text, search.album_id, text); Type: FUNCTION; Schema: search_internal; Owner: -
--

CREATE FUNCTION search_internal.update_track(track_id bigint, title text, album_id search.album_id, visibility text) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'search', 'pg_temp'
    AS $$
begin
    update public.tracks t
    set title = update_track.title, album_id = update_track.album_id,
        visibility = coalesce(update_track.visibility, t.visibility)
    where t.id = update_track.track_id;
end;
$$;

--
-- Name: FUNCTION update_track(track_id bigint, title text, album_id search.album_id, visibility text); Type: COMMENT; Schema: search_internal; Owner: -
--

COMMENT ON FUNCTION search_internal.update_track(track_id bigint, title text, album_id search.album_id, visibility text) IS 'Set the title and album of a track, and its visibility unless that is null.';

--
-- Name: values_of(jsonb[], text); Type: FUNCTION; Schema: search_internal; Owner: -
--

CREATE FUNCTION search_internal.values_of(changed jsonb[], name text) RETURNS text[]
    LANGUAGE sql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    select array(select distinct c.r ->> name from unnest(changed) as c (r) order by 1);
$$;

--
-- Name: FUNCTION values_of(changed jsonb[], name text); Type: COMMENT; Schema: search_internal; Owner: -
--

COMMENT ON FUNCTION search_internal.values_of(changed jsonb[], name text) IS 'Each value that a column has in rows; null among them where a row has none.';

--
-- Name: whole_word(); Type: FUNCTION; Schema: search_internal; Owner: -
--

CREATE FUNCTION search_internal.whole_word() RETURNS integer
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN 0;

--
-- Name: FUNCTION whole_word(); Type: COMMENT; Schema: search_internal; Owner: -
--

COMMENT ON FUNCTION search_internal.whole_word() IS 'Class of a name that has the last typed word as a whole.';

--
-- Name: word_forms(text[], text[]); Type: FUNCTION; Schema: search_internal; Owner: -
--

CREATE FUNCTION search_internal.word_forms(typed text[], own text[], OUT forms text[], OUT known boolean, OUT patterns text[], OUT rare boolean, OUT in_context boolean) RETURNS record
    LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE
    SET search_path TO 'pg_catalog', 'search', 'pg_temp'
    AS $$
declare
    -- a word that begins more others than these is not looked up by each of them
    few constant integer := 20;
    -- documents are read by as many of the rare words as this, and looked at for all others
    most_read constant integer := 2;
    counts integer[] := '{}';
    is_rare boolean[] := '{}';
    terms text[] := '{}';
    several integer;
    most integer;
    words text[];
    exact boolean;
begin
    forms := '{}';
    patterns := '{}';
    rare := false;
    in_context := cardinality(typed) > 1;
    known := cardinality(typed) > 0;
    for place in 1 .. cardinality(typed) loop
        words := array(
            (select w.word from search.words w
             where w.word >= typed[place] and w.word < typed[place] || chr(1114111)
             order by w.word
             limit few + 1)
            union
            select o.word from unnest(own) as o (word) where starts_with(o.word, typed[place])
            order by 1
            limit few + 1);
        known := known and cardinality(words) > 0;
        exit when not known;
        exact := words[1] = typed[place] and place < cardinality(typed);
        if exact then
            words := words[1:1];
        end if;
        counts := counts || cardinality(words);
        is_rare := is_rare || (counts[place] <= few and not exists (select from search.common_words c where c.word = any (words)));
        rare := rare or is_rare[place];
        terms := terms || case when counts[place] <= few then search_internal.word_terms(words) end;
        patterns := patterns || ('% ' || search_internal.like_literal(typed[place]) || case when exact then ' %' else '%' end);
    end loop;
    if not known then
        patterns := '{}';
    elsif rare then
        -- few documents have the rare words: read them and look
        for place in 1 .. cardinality(typed) loop
            if is_rare[place] and cardinality(forms) < most_read then
                forms := forms || terms[place];
                patterns[place] := null;
            end if;
        end loop;
        patterns := array_remove(patterns, null);
    else
        patterns := '{}';
        in_context := in_context and (select count(*) <= 2 from unnest(counts) as count where count > few);
        -- of each word that begins several: all together stay as many as those of one
        several := (select greatest(1, count(*)) from unnest(counts) as count where count > 1);
        most := case when several > 1 then least(few / several, 2 * few / cardinality(typed)) else few end;
        for place in 1 .. cardinality(typed) loop
            forms := forms || case when counts[place] <= greatest(most, 1) then terms[place]
                else search_internal.begun_term(typed[place], most, cardinality(typed) > 1) end;
        end loop;
    end if;
end;
$$;

--
-- Name: FUNCTION word_forms(typed text[], own text[], OUT forms text[], OUT known boolean, OUT patterns text[], OUT rare boolean, OUT in_context boolean); Type: COMMENT; Schema: search_internal; Owner: -
--

COMMENT ON FUNCTION search_internal.word_forms(typed text[], own text[], OUT forms text[], OUT known boolean, OUT patterns text[], OUT rare boolean, OUT in_context boolean) IS 'How each typed word is looked up: itself, the words that begin so, or, beside a rare word, by a pattern over the text. known is false when no name has such a word; rare says that few documents have one of them; in_context is false where it would cost too much to look for some of the words in what an entity belongs to.';

--
-- Name: word_term(text, boolean); Type: FUNCTION; Schema: search_internal; Owner: -
--

CREATE FUNCTION search_internal.word_term(word text, begun boolean DEFAULT false) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN ((((''''::text || chr(1)) || replace(replace(word, '\'::text, '\\'::text), ''''::text, ''''''::text)) || ''''::text) || CASE WHEN begun THEN ':*'::text ELSE ''::text END);

--
-- Name: FUNCTION word_term(word text, begun boolean); Type: COMMENT; Schema: search_internal; Owner: -
--

COMMENT ON FUNCTION search_internal.word_term(word text, begun boolean) IS 'Text of a tsquery for one word, or for all that begin so. chr(1) stands for the letters of kind and level before a token.';

--
-- Name: word_terms(text[]); Type: FUNCTION; Schema: search_internal; Owner: -
--

CREATE FUNCTION search_internal.word_terms(words text[]) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN (SELECT (('('::text || string_agg(search_internal.word_term(word.word), ' | '::text)) || ')'::text) FROM unnest(word_terms.words) word(word));

--
-- Name: FUNCTION word_terms(words text[]); Type: COMMENT; Schema: search_internal; Owner: -
--

COMMENT ON FUNCTION search_internal.word_terms(words text[]) IS 'Text of a tsquery for any of the words.';

--
-- Name: words_by_level(text, integer, text, text, text, text, text[], integer); Type: FUNCTION; Schema: search_internal; Owner: -
--

CREATE FUNCTION search_internal.words_by_level(kind text, highest integer, all_query text, some_query text, no_query text, not_begun text, finders text[], enough integer) RETURNS TABLE(key text, field text, normalized text, popularity real)
    LANGUAGE sql STABLE ROWS 20 PARALLEL SAFE
    BEGIN ATOMIC
 SELECT found.key,
     found.field,
     found.normalized,
     found.popularity
    FROM ((generate_series(words_by_level.highest, 0, '-1'::integer) step(level)
      CROSS JOIN LATERAL ( SELECT search_internal.at_level(words_by_level.all_query, words_by_level.kind, step.level) AS all_words,
             search_internal.at_level(words_by_level.some_query, words_by_level.kind, step.level) AS some_word,
             search_internal.at_level(words_by_level.no_query, words_by_level.kind, step.level) AS not_these
          OFFSET 0) query)
      CROSS JOIN LATERAL ( SELECT d.key,
             d.field,
             d.normalized,
             d.popularity
            FROM search.documents d
           WHERE ((d.tokens @@ query.all_words) AND
                 CASE
                     WHEN ((words_by_level.some_query IS NULL) OR (d.tokens @@ query.some_word)) THEN ((words_by_level.no_query IS NULL) OR (NOT (d.tokens @@ query.not_these)))
                     ELSE NULL::boolean
                 END AND ((words_by_level.not_begun IS NULL) OR (NOT starts_with(d.normalized, words_by_level.not_begun))) AND (d.listed OR (d.owner = ANY (words_by_level.finders)) OR (d.audience = ANY (words_by_level.finders))))
           ORDER BY d.popularity DESC, d.key
          LIMIT words_by_level.enough) found);
END;

--
-- Name: FUNCTION words_by_level(kind text, highest integer, all_query text, some_query text, no_query text, not_begun text, finders text[], enough integer); Type: COMMENT; Schema: search_internal; Owner: -
--

COMMENT ON FUNCTION search_internal.words_by_level(kind text, highest integer, all_query text, some_query text, no_query text, not_begun text, finders text[], enough integer) IS 'Documents of a kind that match a query of search_internal.all_terms, level by level, enough of each level. Of these only names that match some_query, do not match no_query, and do not begin with not_begun; each of the three may be null.';

--
-- Name: albums; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.albums (
    id bigint NOT NULL,
    artist_did text NOT NULL,
    title text NOT NULL,
    slug text NOT NULL,
    image_url text,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT albums_title_check CHECK ((title <> ''::text))
);

--
-- Name: TABLE albums; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.albums IS 'Albums; one without a track that the viewer may see is never found.';

--
-- Name: albums_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

ALTER TABLE public.albums ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.albums_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

--
-- Name: artists; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.artists (
    did text NOT NULL,
    handle text NOT NULL,
    display_name text NOT NULL,
    avatar_url text,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT artists_did_check CHECK ((did <> ''::text))
);

--
-- Name: TABLE artists; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.artists IS 'People who publish tracks, keyed by their decentralised identifier.';

--
-- Name: feature_flags; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.feature_flags (
    artist_did text NOT NULL,
    flag text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL
);

--
-- Name: TABLE feature_flags; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.feature_flags IS 'Features switched on for one viewer, such as vibe-search.';

--
-- Name: playlist_tracks; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.playlist_tracks (
    playlist_id bigint NOT NULL,
    "position" integer NOT NULL,
    track_id bigint NOT NULL,
    CONSTRAINT playlist_tracks_position_check CHECK (("position" >= 0))
);

--
-- Name: TABLE playlist_tracks; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.playlist_tracks IS 'The tracks of a playlist, in order.';

--
-- Name: playlists; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.playlists (
    id bigint NOT NULL,
    owner_did text NOT NULL,
    name text NOT NULL,
    image_url text,
    visibility text DEFAULT 'public'::text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT playlists_name_check CHECK ((name <> ''::text)),
    CONSTRAINT playlists_visibility_check CHECK ((visibility = ANY (ARRAY['public'::text, 'unlisted'::text, 'private'::text])))
);

--
-- Name: TABLE playlists; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.playlists IS 'Ordered lists of tracks; public ones are listed in search, private ones only for their owner.';

--
-- Name: playlists_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

ALTER TABLE public.playlists ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.playlists_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

--
-- Name: procrastinate_events; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.procrastinate_events (
    id bigint NOT NULL,
    job_id bigint NOT NULL,
    type public.procrastinate_job_event_type,
    at timestamp with time zone DEFAULT now()
);

--
-- Name: procrastinate_events_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

CREATE SEQUENCE public.procrastinate_events_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

--
-- Name: procrastinate_events_id_seq; Type: SEQUENCE OWNED BY; Schema: public; Owner: -
--

ALTER SEQUENCE public.procrastinate_events_id_seq OWNED BY public.procrastinate_events.id;

--
-- Name: procrastinate_jobs_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

CREATE SEQUENCE public.procrastinate_jobs_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

--
-- Name: procrastinate_jobs_id_seq; Type: SEQUENCE OWNED BY; Schema: public; Owner: -
--

ALTER SEQUENCE public.procrastinate_jobs_id_seq OWNED BY public.procrastinate_jobs.id;

--
-- Name: procrastinate_periodic_defers; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.procrastinate_periodic_defers (
    id bigint NOT NULL,
    task_name character varying(128) NOT NULL,
    defer_timestamp bigint,
    job_id bigint,
    periodic_id character varying(128) DEFAULT ''::character varying NOT NULL
);

--
-- Name: procrastinate_periodic_defers_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

CREATE SEQUENCE public.procrastinate_periodic_defers_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

--
-- Name: procrastinate_periodic_defers_id_seq; Type: SEQUENCE OWNED BY; Schema: public; Owner: -
--

ALTER SEQUENCE public.procrastinate_periodic_defers_id_seq OWNED BY public.procrastinate_periodic_defers.id;

--
-- Name: procrastinate_workers; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.procrastinate_workers (
    id bigint NOT NULL,
    last_heartbeat timestamp with time zone DEFAULT now() NOT NULL
);

--
-- Name: procrastinate_workers_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

ALTER TABLE public.procrastinate_workers ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.procrastinate_workers_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

--
-- Name: tags; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.tags (
    id bigint NOT NULL,
    name text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT tags_name_check CHECK ((name <> ''::text))
);

--
-- Name: TABLE tags; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.tags IS 'Words that people put on tracks.';

--
-- Name: tags_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

ALTER TABLE public.tags ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.tags_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

--
-- Name: track_tags; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.track_tags (
    track_id bigint NOT NULL,
    tag_id bigint NOT NULL
);

--
-- Name: TABLE track_tags; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.track_tags IS 'Which track carries which tag.';

--
-- Name: tracks; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.tracks (
    id bigint NOT NULL,
    artist_did text NOT NULL,
    album_id bigint,
    title text NOT NULL,
    file_id text NOT NULL,
    file_type text NOT NULL,
    r2_url text,
    image_url text,
    visibility text DEFAULT 'public'::text NOT NULL,
    play_count bigint DEFAULT 0 NOT NULL,
    extra jsonb DEFAULT '{}'::jsonb NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT tracks_extra_check CHECK ((jsonb_typeof(extra) = 'object'::text)),
    CONSTRAINT tracks_file_id_check CHECK ((file_id <> ''::text)),
    CONSTRAINT tracks_file_type_check CHECK ((file_type <> ''::text)),
    CONSTRAINT tracks_play_count_check CHECK ((play_count >= 0)),
    CONSTRAINT tracks_title_check CHECK ((title <> ''::text)),
    CONSTRAINT tracks_visibility_check CHECK ((visibility = ANY (ARRAY['public'::text, 'unlisted'::text, 'supporters'::text, 'private'::text])))
);

--
-- Name: TABLE tracks; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.tracks IS 'Recordings. Inserting one, or changing its file_id, enqueues its embedding and its classification.';

--
-- Name: COLUMN tracks.file_id; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.tracks.file_id IS 'Content address of the audio: its sha-256 in hexadecimal, or the id that an adopted catalogue gave it.';

--
-- Name: COLUMN tracks.file_type; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.tracks.file_type IS 'Extension of the stored audio file, without the dot: mp3, flac, ogg, opus, m4a, wav.';

--
-- Name: COLUMN tracks.visibility; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.tracks.visibility IS 'public and supporters are listed in search; private only for its artist; unlisted never.';

--
-- Name: COLUMN tracks.extra; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.tracks.extra IS 'genre_predictions and genre_predictions_file_id among others.';

--
-- Name: tracks_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

ALTER TABLE public.tracks ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.tracks_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

--
-- Name: vibe_search_version; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.vibe_search_version (
    version_num character varying(32) NOT NULL
);

--
-- Name: audio_uploads; Type: TABLE; Schema: search; Owner: -
--

CREATE TABLE search.audio_uploads (
    file_id text NOT NULL,
    file_type text NOT NULL,
    artist_did text NOT NULL
);

--
-- Name: TABLE audio_uploads; Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON TABLE search.audio_uploads IS 'The artists who have uploaded a file: their tracks open it. Tracks of others do so only while no private or supporters-only track of another artist has the file.';

--
-- Name: calibration_tracks; Type: TABLE; Schema: search; Owner: -
--

CREATE TABLE search.calibration_tracks (
    model_id smallint NOT NULL,
    track_id bigint NOT NULL,
    embedding public.halfvec NOT NULL
);

--
-- Name: TABLE calibration_tracks; Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON TABLE search.calibration_tracks IS 'A sample of listed tracks: a query''s similarities to them say what similarity means nothing for that query.';

--
-- Name: calibrations; Type: TABLE; Schema: search; Owner: -
--

CREATE TABLE search.calibrations (
    model_id smallint NOT NULL,
    match_slope real NOT NULL,
    match_intercept real NOT NULL,
    audibility_slope real NOT NULL,
    audibility_intercept real NOT NULL,
    tracks bigint NOT NULL,
    sampled integer NOT NULL,
    hubness real NOT NULL,
    refreshed_at timestamp with time zone DEFAULT now() NOT NULL
);

--
-- Name: TABLE calibrations; Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON TABLE search.calibrations IS 'How similarities of a model become confidence: see docs/why/confidence.md. Refreshed by the task calibrate_sound.';

--
-- Name: COLUMN calibrations.match_slope; Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON COLUMN search.calibrations.match_slope IS 'Log-odds of a match for each standard deviation by which a similarity exceeds the mean over the sample.';

--
-- Name: COLUMN calibrations.audibility_slope; Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON COLUMN search.calibrations.audibility_slope IS 'Log-odds that a text describes a sound, for each unit of its audibility.';

--
-- Name: COLUMN calibrations.tracks; Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON COLUMN search.calibrations.tracks IS 'Listed tracks with a vector when the sample was drawn.';

--
-- Name: COLUMN calibrations.hubness; Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON COLUMN search.calibrations.hubness IS 'Skewness of how often each sampled track is among the 10 nearest of a fixed bank of descriptions; above 1 a few tracks stand near everything.';

--
-- Name: common_words; Type: TABLE; Schema: search; Owner: -
--

CREATE TABLE search.common_words (
    word text NOT NULL COLLATE pg_catalog."C",
    documents bigint NOT NULL
);

--
-- Name: TABLE common_words; Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON TABLE search.common_words IS 'About how many documents have a word, for words that many have; from the planner''s statistics by search.refresh_common_words(). Decides how a word is looked up, never what is found.';

--
-- Name: models; Type: TABLE; Schema: search; Owner: -
--

CREATE TABLE search.models (
    id smallint NOT NULL,
    name text NOT NULL,
    identity text NOT NULL,
    dimensions integer NOT NULL,
    serving boolean DEFAULT false NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    candidate boolean DEFAULT false NOT NULL,
    coverage_wanted real DEFAULT 1 NOT NULL,
    requested_at timestamp with time zone,
    served_at timestamp with time zone,
    retired_at timestamp with time zone,
    CONSTRAINT models_candidate_check CHECK ((NOT (candidate AND serving))),
    CONSTRAINT models_coverage_wanted_check CHECK (((coverage_wanted >= (0)::double precision) AND (coverage_wanted <= (1)::double precision))),
    CONSTRAINT models_dimensions_check CHECK (((dimensions >= 1) AND (dimensions <= 4000)))
);

--
-- Name: TABLE models; Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON TABLE search.models IS 'Embedding pipelines that have a store in search.embeddings. One serves; one may be the candidate to serve next, whose store is being filled; the others have retired and can be returned to.';

--
-- Name: COLUMN models.identity; Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON COLUMN search.models.identity IS 'Checkpoint, preprocessing, windows, pooling and precision in one word: vectors of different identities are never compared.';

--
-- Name: COLUMN models.candidate; Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON COLUMN search.models.candidate IS 'Its store is being filled; it serves as soon as enough tracks are in it.';

--
-- Name: COLUMN models.coverage_wanted; Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON COLUMN search.models.coverage_wanted IS 'Share of the tracks that can be embedded at all which the candidate must have before it serves.';

--
-- Name: COLUMN models.requested_at; Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON COLUMN search.models.requested_at IS 'When it became the candidate, the last time.';

--
-- Name: COLUMN models.served_at; Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON COLUMN search.models.served_at IS 'When it began to serve, the last time.';

--
-- Name: COLUMN models.retired_at; Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON COLUMN search.models.retired_at IS 'When another took its place, the last time; null while it serves.';

--
-- Name: embedding_coverage; Type: VIEW; Schema: search; Owner: -
--

CREATE VIEW search.embedding_coverage AS
 SELECT m.identity,
    m.dimensions,
        CASE
            WHEN m.serving THEN 'serving'::text
            WHEN m.candidate THEN 'candidate'::text
            ELSE 'retired'::text
        END AS role,
    c.tracks,
    c.embedded,
    c.undecodable,
    c.failed,
    (((c.tracks - c.embedded) - c.undecodable) - c.failed) AS waiting,
    c.coverage
   FROM (search.models m
     CROSS JOIN LATERAL search.model_coverage(m.identity) c(tracks, embedded, undecodable, failed, coverage))
  ORDER BY m.serving DESC, m.candidate DESC, m.id;

--
-- Name: VIEW embedding_coverage; Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON VIEW search.embedding_coverage IS 'How far each model''s store is filled: one row a model. Reads all tracks once for each.
Example: select identity, role, embedded, tracks, coverage from search.embedding_coverage';

--
-- Name: COLUMN embedding_coverage.identity; Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON COLUMN search.embedding_coverage.identity IS 'The model.';

--
-- Name: COLUMN embedding_coverage.dimensions; Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON COLUMN search.embedding_coverage.dimensions IS 'Length of its vectors.';

--
-- Name: COLUMN embedding_coverage.role; Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON COLUMN search.embedding_coverage.role IS 'serving, candidate or retired.';

--
-- Name: COLUMN embedding_coverage.tracks; Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON COLUMN search.embedding_coverage.tracks IS 'Tracks of the catalogue.';

--
-- Name: COLUMN embedding_coverage.embedded; Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON COLUMN search.embedding_coverage.embedded IS 'Tracks with a vector of their present audio.';

--
-- Name: COLUMN embedding_coverage.undecodable; Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON COLUMN search.embedding_coverage.undecodable IS 'Tracks whose audio cannot be decoded.';

--
-- Name: COLUMN embedding_coverage.failed; Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON COLUMN search.embedding_coverage.failed IS 'Tracks whose last attempt failed for another reason.';

--
-- Name: COLUMN embedding_coverage.waiting; Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON COLUMN search.embedding_coverage.waiting IS 'Tracks that are not yet done.';

--
-- Name: COLUMN embedding_coverage.coverage; Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON COLUMN search.embedding_coverage.coverage IS 'Share embedded of the tracks that can be decoded, 0 to 1.';

--
-- Name: embeddings; Type: TABLE; Schema: search; Owner: -
--

CREATE TABLE search.embeddings (
    track_id bigint NOT NULL,
    model_id smallint NOT NULL,
    file_id text NOT NULL,
    embedding public.halfvec NOT NULL,
    listed boolean NOT NULL,
    owner text,
    embedded_at timestamp with time zone DEFAULT now() NOT NULL,
    audience text
)
PARTITION BY LIST (model_id);

--
-- Name: TABLE embeddings; Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON TABLE search.embeddings IS 'One unit vector a track and model, a partition a model, each with an HNSW index over its listed rows. Only what concerns visibility is repeated here: a row that changes often would be inserted into the graph each time.';

--
-- Name: COLUMN embeddings.file_id; Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON COLUMN search.embeddings.file_id IS 'The audio that was embedded; differs from tracks.file_id only until the next job has run.';

--
-- Name: COLUMN embeddings.audience; Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON COLUMN search.embeddings.audience IS 'As in search.documents.';

--
-- Name: embeddings_1; Type: TABLE; Schema: search; Owner: -
--

CREATE TABLE search.embeddings_1 (
    track_id bigint CONSTRAINT embeddings_track_id_not_null NOT NULL,
    model_id smallint CONSTRAINT embeddings_model_id_not_null NOT NULL,
    file_id text CONSTRAINT embeddings_file_id_not_null NOT NULL,
    embedding public.halfvec CONSTRAINT embeddings_embedding_not_null NOT NULL,
    listed boolean CONSTRAINT embeddings_listed_not_null NOT NULL,
    owner text,
    embedded_at timestamp with time zone DEFAULT now() CONSTRAINT embeddings_embedded_at_not_null NOT NULL,
    audience text,
    CONSTRAINT embeddings_1_dimensions CHECK ((public.vector_dims(embedding) = 100))
);

--
-- Name: index_health; Type: VIEW; Schema: search; Owner: -
--

CREATE VIEW search.index_health AS
 SELECT (s.schemaname)::text AS schema_name,
    (s.relname)::text AS table_name,
    (s.indexrelname)::text AS index_name,
    (am.amname)::text AS method,
    i.indisvalid AS valid,
    pg_relation_size((s.indexrelid)::regclass) AS bytes,
    (GREATEST(c.reltuples, (0)::real))::bigint AS entries,
        CASE
            WHEN (c.reltuples > (0)::double precision) THEN ((pg_relation_size((s.indexrelid)::regclass))::double precision / c.reltuples)
            ELSE NULL::double precision
        END AS bytes_each,
    s.idx_scan AS scans,
    ((io.idx_blks_hit)::double precision / (NULLIF((io.idx_blks_hit + io.idx_blks_read), 0))::double precision) AS hit_share,
    ((t.n_dead_tup)::double precision / (NULLIF((t.n_dead_tup + t.n_live_tup), 0))::double precision) AS dead_share,
    p.phase AS build_phase,
    COALESCE(((p.tuples_done)::double precision / (NULLIF(p.tuples_total, 0))::double precision), ((p.blocks_done)::double precision / (NULLIF(p.blocks_total, 0))::double precision)) AS build_share
   FROM ((((((pg_stat_all_indexes s
     JOIN pg_index i ON ((i.indexrelid = s.indexrelid)))
     JOIN pg_class c ON ((c.oid = s.indexrelid)))
     JOIN pg_am am ON ((am.oid = c.relam)))
     JOIN pg_statio_all_indexes io ON ((io.indexrelid = s.indexrelid)))
     JOIN pg_stat_all_tables t ON ((t.relid = s.relid)))
     LEFT JOIN pg_stat_progress_create_index p ON ((p.index_relid = s.indexrelid)))
  WHERE ((s.schemaname = 'search'::name) OR (s.relid IN ( SELECT r.oid
           FROM pg_class r
          WHERE ((r.relnamespace = ('public'::regnamespace)::oid) AND ((r.relname = ANY (ARRAY['tracks'::name, 'artists'::name, 'albums'::name, 'tags'::name, 'track_tags'::name, 'playlists'::name, 'playlist_tracks'::name])) OR ((r.relname ~ '^procrastinate_'::text) AND (to_regclass('search.procrastinate_jobs'::text) IS NULL)))))))
  ORDER BY (pg_relation_size((s.indexrelid)::regclass)) DESC;

--
-- Name: VIEW index_health; Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON VIEW search.index_health IS 'Every index of the search, the catalogue and the queue: its size, how often and from where it was read, how many rows below it are dead, and how far it is built if it is being built. Entries are the planner''s estimate.
Example: select index_name, pg_size_pretty(bytes) as size, valid, dead_share from search.index_health where method = ''hnsw''';

--
-- Name: COLUMN index_health.schema_name; Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON COLUMN search.index_health.schema_name IS 'Schema of the table.';

--
-- Name: COLUMN index_health.table_name; Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON COLUMN search.index_health.table_name IS 'The table.';

--
-- Name: COLUMN index_health.index_name; Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON COLUMN search.index_health.index_name IS 'The index.';

--
-- Name: COLUMN index_health.method; Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON COLUMN search.index_health.method IS 'Its kind: hnsw for a graph of vectors, gin for words, btree.';

--
-- Name: COLUMN index_health.valid; Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON COLUMN search.index_health.valid IS 'False after a build that was broken off: drop the index, or reindex.';

--
-- Name: COLUMN index_health.bytes; Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON COLUMN search.index_health.bytes IS 'Its size.';

--
-- Name: COLUMN index_health.entries; Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON COLUMN search.index_health.entries IS 'The planner''s estimate of its entries.';

--
-- Name: COLUMN index_health.bytes_each; Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON COLUMN search.index_health.bytes_each IS 'Bytes an entry.';

--
-- Name: COLUMN index_health.scans; Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON COLUMN search.index_health.scans IS 'How often it was read since statistics were reset.';

--
-- Name: COLUMN index_health.hit_share; Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON COLUMN search.index_health.hit_share IS 'Share of its pages that were in memory, 0 to 1, since statistics were reset.';

--
-- Name: COLUMN index_health.dead_share; Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON COLUMN search.index_health.dead_share IS 'Share of the rows of its table that a vacuum would remove, 0 to 1.';

--
-- Name: COLUMN index_health.build_phase; Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON COLUMN search.index_health.build_phase IS 'What is being done, while it is being built.';

--
-- Name: COLUMN index_health.build_share; Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON COLUMN search.index_health.build_share IS 'How far the build is, 0 to 1.';

--
-- Name: job_failures; Type: TABLE; Schema: search; Owner: -
--

CREATE TABLE search.job_failures (
    track_id bigint NOT NULL,
    task text NOT NULL,
    file_id text NOT NULL,
    reason text NOT NULL,
    permanent boolean NOT NULL,
    attempts integer NOT NULL,
    failed_at timestamp with time zone DEFAULT now() NOT NULL,
    model text DEFAULT ''::text NOT NULL
);

--
-- Name: TABLE job_failures; Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON TABLE search.job_failures IS 'Why the last attempt of a track''s job failed, in words; removed when the job succeeds.';

--
-- Name: COLUMN job_failures.model; Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON COLUMN search.job_failures.model IS 'Identity of the model that was to embed; empty where the task has none.';

--
-- Name: map_points; Type: TABLE; Schema: search; Owner: -
--

CREATE TABLE search.map_points (
    track_id bigint NOT NULL,
    x real NOT NULL,
    y real NOT NULL,
    CONSTRAINT map_points_x_check CHECK (((x >= (0)::double precision) AND (x <= (1)::double precision))),
    CONSTRAINT map_points_y_check CHECK (((y >= (0)::double precision) AND (y <= (1)::double precision)))
);

--
-- Name: TABLE map_points; Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON TABLE search.map_points IS 'Where tracks lie on the map of the library. Drawn by the task draw_map; a track that came since has no place yet.';

--
-- Name: map_state; Type: TABLE; Schema: search; Owner: -
--

CREATE TABLE search.map_state (
    only_row boolean DEFAULT true NOT NULL,
    model_id smallint,
    tracks bigint NOT NULL,
    drawn_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT map_state_only_row_check CHECK (only_row)
);

--
-- Name: TABLE map_state; Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON TABLE search.map_state IS 'What the map was drawn from, the last time: one row, or none before the first.';

--
-- Name: mirror_changes; Type: TABLE; Schema: search; Owner: -
--

CREATE TABLE search.mirror_changes (
    track_id bigint NOT NULL,
    version bigint,
    changed_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    attempts integer DEFAULT 0 NOT NULL,
    refused text,
    retry_at timestamp with time zone
);

--
-- Name: TABLE mirror_changes; Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON TABLE search.mirror_changes IS 'Tracks that the mirror has to be told about, each once however often it changed. Written by triggers in the transaction of the change; a row goes when the mirror has what it says.';

--
-- Name: COLUMN mirror_changes.version; Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON COLUMN search.mirror_changes.version IS 'Under which version the track is being written; null when it has changed since it was last read for that.';

--
-- Name: COLUMN mirror_changes.changed_at; Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON COLUMN search.mirror_changes.changed_at IS 'Since when the mirror is behind.';

--
-- Name: COLUMN mirror_changes.refused; Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON COLUMN search.mirror_changes.refused IS 'Why the mirror will not take this one document; the others go on.';

--
-- Name: COLUMN mirror_changes.retry_at; Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON COLUMN search.mirror_changes.retry_at IS 'When a refused document is tried again.';

--
-- Name: mirror_checks; Type: TABLE; Schema: search; Owner: -
--

CREATE TABLE search.mirror_checks (
    id bigint NOT NULL,
    checked_at timestamp with time zone DEFAULT now() NOT NULL,
    namespace text NOT NULL,
    first_id bigint,
    last_id bigint,
    compared bigint NOT NULL,
    missing bigint NOT NULL,
    extra bigint NOT NULL,
    stale bigint NOT NULL,
    wrong_vector bigint NOT NULL
);

--
-- Name: TABLE mirror_checks; Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON TABLE search.mirror_checks IS 'Comparisons of the mirror with the catalogue: what they found, and how far they went. Kept for a month.';

--
-- Name: COLUMN mirror_checks.first_id; Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON COLUMN search.mirror_checks.first_id IS 'Ids above this one were compared; null from the first.';

--
-- Name: COLUMN mirror_checks.last_id; Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON COLUMN search.mirror_checks.last_id IS 'Ids up to this one were compared; null to the last.';

--
-- Name: mirror_checks_id_seq; Type: SEQUENCE; Schema: search; Owner: -
--

ALTER TABLE search.mirror_checks ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME search.mirror_checks_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

--
-- Name: mirror_namespaces; Type: TABLE; Schema: search; Owner: -
--

CREATE TABLE search.mirror_namespaces (
    generation integer NOT NULL,
    name text NOT NULL,
    model_id smallint,
    state text DEFAULT 'filling'::text NOT NULL,
    filled_to bigint,
    filled_tracks bigint DEFAULT 0 NOT NULL,
    filled boolean DEFAULT false NOT NULL,
    begun_in xid8 DEFAULT pg_current_xact_id() NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    served_at timestamp with time zone,
    retired_at timestamp with time zone,
    CONSTRAINT mirror_namespaces_state_check CHECK ((state = ANY (ARRAY['filling'::text, 'serving'::text, 'retired'::text, 'dropped'::text])))
);

--
-- Name: TABLE mirror_namespaces; Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON TABLE search.mirror_namespaces IS 'Namespaces of the mirror, each with the vectors of one model. One serves; one may be getting filled to take its place; retired ones are about to be dropped. While none serves or is being filled, nothing is noted in search.mirror_changes.';

--
-- Name: COLUMN mirror_namespaces.name; Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON COLUMN search.mirror_namespaces.name IS 'Never used twice, so that a late write finds no other namespace under it.';

--
-- Name: COLUMN mirror_namespaces.model_id; Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON COLUMN search.mirror_namespaces.model_id IS 'The model whose vectors are there; null once that model was removed.';

--
-- Name: COLUMN mirror_namespaces.filled_to; Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON COLUMN search.mirror_namespaces.filled_to IS 'While it is filled: tracks up to this id are there.';

--
-- Name: COLUMN mirror_namespaces.filled_tracks; Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON COLUMN search.mirror_namespaces.filled_tracks IS 'While it is filled: how many those are.';

--
-- Name: COLUMN mirror_namespaces.filled; Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON COLUMN search.mirror_namespaces.filled IS 'Whether all tracks are there; it serves once a comparison finds no difference.';

--
-- Name: COLUMN mirror_namespaces.begun_in; Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON COLUMN search.mirror_namespaces.begun_in IS 'Filling begins when all transactions that could not see this row are over: they note no changes for it.';

--
-- Name: mirror_state; Type: TABLE; Schema: search; Owner: -
--

CREATE TABLE search.mirror_state (
    only_row boolean DEFAULT true NOT NULL,
    wanted boolean DEFAULT true NOT NULL,
    drained_at timestamp with time zone,
    failure text,
    failing_since timestamp with time zone,
    attempts integer DEFAULT 0 NOT NULL,
    CONSTRAINT mirror_state_only_row_check CHECK (only_row)
);

--
-- Name: TABLE mirror_state; Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON TABLE search.mirror_state IS 'One row: how the last attempt went to bring the mirror up to date.';

--
-- Name: COLUMN mirror_state.wanted; Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON COLUMN search.mirror_state.wanted IS 'False after vibe-search mirror drop, until vibe-search mirror rebuild.';

--
-- Name: mirror_lag; Type: VIEW; Schema: search; Owner: -
--

CREATE VIEW search.mirror_lag AS
 SELECT serving.name AS namespace,
    m.identity AS model,
    filling.name AS filling,
    filling.filled_tracks,
    waiting.changes,
    waiting.refused,
    COALESCE((clock_timestamp() - waiting.oldest), '00:00:00'::interval) AS lag,
    s.wanted,
    s.drained_at,
    s.failure,
    s.failing_since,
    checked.checked_at,
    checked.differences
   FROM (((((search.mirror_state s
     LEFT JOIN search.mirror_namespaces serving ON ((serving.state = 'serving'::text)))
     LEFT JOIN search.models m ON ((m.id = serving.model_id)))
     LEFT JOIN search.mirror_namespaces filling ON ((filling.state = 'filling'::text)))
     CROSS JOIN ( SELECT count(*) AS changes,
            count(c.refused) AS refused,
            min(c.changed_at) FILTER (WHERE (c.refused IS NULL)) AS oldest
           FROM search.mirror_changes c) waiting)
     LEFT JOIN LATERAL ( SELECT k.checked_at,
            (((k.missing + k.extra) + k.stale) + k.wrong_vector) AS differences
           FROM search.mirror_checks k
          WHERE (k.namespace = serving.name)
          ORDER BY k.id DESC
         LIMIT 1) checked ON (true));

--
-- Name: VIEW mirror_lag; Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON VIEW search.mirror_lag IS 'How far the mirror is behind: one row. Which namespace serves and which is being filled, the tracks that it has to be told about and since when, those that it refuses, the last failure, and what the last comparison found.
Example: select namespace, changes, lag, failure from search.mirror_lag';

--
-- Name: COLUMN mirror_lag.namespace; Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON COLUMN search.mirror_lag.namespace IS 'The namespace that serves; null while none does.';

--
-- Name: COLUMN mirror_lag.model; Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON COLUMN search.mirror_lag.model IS 'The model whose vectors it has.';

--
-- Name: COLUMN mirror_lag.filling; Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON COLUMN search.mirror_lag.filling IS 'A namespace that is being filled.';

--
-- Name: COLUMN mirror_lag.filled_tracks; Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON COLUMN search.mirror_lag.filled_tracks IS 'Tracks that are in it.';

--
-- Name: COLUMN mirror_lag.changes; Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON COLUMN search.mirror_lag.changes IS 'Tracks that the mirror has to be told about.';

--
-- Name: COLUMN mirror_lag.refused; Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON COLUMN search.mirror_lag.refused IS 'Those of them that it will not take; search.mirror_changes says why.';

--
-- Name: COLUMN mirror_lag.lag; Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON COLUMN search.mirror_lag.lag IS 'How long the oldest of the others has waited.';

--
-- Name: COLUMN mirror_lag.wanted; Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON COLUMN search.mirror_lag.wanted IS 'False after vibe-search mirror drop.';

--
-- Name: COLUMN mirror_lag.drained_at; Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON COLUMN search.mirror_lag.drained_at IS 'When the mirror was last up to date, to the minute.';

--
-- Name: COLUMN mirror_lag.failure; Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON COLUMN search.mirror_lag.failure IS 'Why the last attempt failed; null when it did not.';

--
-- Name: COLUMN mirror_lag.failing_since; Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON COLUMN search.mirror_lag.failing_since IS 'Since when all attempts have failed.';

--
-- Name: COLUMN mirror_lag.checked_at; Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON COLUMN search.mirror_lag.checked_at IS 'When it was last compared with the catalogue.';

--
-- Name: COLUMN mirror_lag.differences; Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON COLUMN search.mirror_lag.differences IS 'How many differences that comparison found.';

--
-- Name: mirror_namespaces_generation_seq; Type: SEQUENCE; Schema: search; Owner: -
--

ALTER TABLE search.mirror_namespaces ALTER COLUMN generation ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME search.mirror_namespaces_generation_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

--
-- Name: mirror_versions; Type: SEQUENCE; Schema: search; Owner: -
--

CREATE SEQUENCE search.mirror_versions
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

--
-- Name: SEQUENCE mirror_versions; Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON SEQUENCE search.mirror_versions IS 'Versions of mirrored documents. A mirror takes a document only over an older one, so that no late write undoes a newer.';

--
-- Name: models_id_seq; Type: SEQUENCE; Schema: search; Owner: -
--

ALTER TABLE search.models ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME search.models_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

--
-- Name: queue; Type: VIEW; Schema: search; Owner: -
--

CREATE VIEW search.queue AS
 SELECT task,
    priority,
    waiting,
    retrying,
    running,
    failed,
    cancelled,
    done_last_minute,
    done_last_hour,
    oldest,
    (clock_timestamp() - oldest) AS oldest_age,
    search_internal.jobs_awaiting_audio(task, priority) AS awaiting_audio
   FROM search_internal.queue_counts() q(task, priority, waiting, retrying, running, failed, cancelled, done_last_minute, done_last_hour, oldest)
  ORDER BY priority DESC, task;

--
-- Name: VIEW queue; Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON VIEW search.queue IS 'The job queue by task and priority, in the order in which workers take from it.
Example: select task, waiting, running, failed, oldest_age from search.queue';

--
-- Name: COLUMN queue.task; Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON COLUMN search.queue.task IS 'What is done.';

--
-- Name: COLUMN queue.priority; Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON COLUMN search.queue.priority IS 'Higher ones are done first: search.job_priority.';

--
-- Name: COLUMN queue.waiting; Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON COLUMN search.queue.waiting IS 'Jobs that wait for their first attempt.';

--
-- Name: COLUMN queue.retrying; Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON COLUMN search.queue.retrying IS 'Jobs that wait for another attempt.';

--
-- Name: COLUMN queue.running; Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON COLUMN search.queue.running IS 'Jobs that a worker has begun.';

--
-- Name: COLUMN queue.failed; Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON COLUMN search.queue.failed IS 'Jobs that failed.';

--
-- Name: COLUMN queue.cancelled; Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON COLUMN search.queue.cancelled IS 'Jobs that were cancelled.';

--
-- Name: COLUMN queue.done_last_minute; Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON COLUMN search.queue.done_last_minute IS 'Jobs that ended well in the last minute.';

--
-- Name: COLUMN queue.done_last_hour; Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON COLUMN search.queue.done_last_hour IS 'Jobs that ended well in the last hour.';

--
-- Name: COLUMN queue.oldest; Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON COLUMN search.queue.oldest IS 'When the oldest unfinished job was enqueued; those that wait for their audio are left out.';

--
-- Name: COLUMN queue.oldest_age; Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON COLUMN search.queue.oldest_age IS 'How long ago that is.';

--
-- Name: COLUMN queue.awaiting_audio; Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON COLUMN search.queue.awaiting_audio IS 'Jobs that wait for audio which the store does not have yet.';

--
-- Name: queue_migrations; Type: TABLE; Schema: search; Owner: -
--

CREATE TABLE search.queue_migrations (
    name text NOT NULL,
    applied_at timestamp with time zone DEFAULT now() NOT NULL
);

--
-- Name: TABLE queue_migrations; Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON TABLE search.queue_migrations IS 'Migrations of procrastinate that this database has.';

--
-- Name: schema_state; Type: TABLE; Schema: search; Owner: -
--

CREATE TABLE search.schema_state (
    key text NOT NULL,
    value text NOT NULL
);

--
-- Name: TABLE schema_state; Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON TABLE search.schema_state IS 'What the last migrate applied, for readiness checks.';

--
-- Name: sizes; Type: VIEW; Schema: search; Owner: -
--

CREATE VIEW search.sizes AS
 WITH tables AS (
         SELECT COALESCE(parent.oid, c.oid) AS oid,
            (COALESCE(parent.relname, c.relname))::text AS name,
            ((COALESCE(parent.relnamespace, c.relnamespace))::regnamespace)::text AS schema_name,
            (GREATEST(c.reltuples, (0)::real))::bigint AS rows,
            pg_table_size((c.oid)::regclass) AS heap_bytes,
            pg_indexes_size((c.oid)::regclass) AS index_bytes
           FROM ((pg_class c
             LEFT JOIN pg_inherits i ON ((i.inhrelid = c.oid)))
             LEFT JOIN pg_class parent ON ((parent.oid = i.inhparent)))
          WHERE ((c.relkind = ANY (ARRAY['r'::"char", 'm'::"char"])) AND ((c.relnamespace = ('search'::regnamespace)::oid) OR ((c.relnamespace = ('public'::regnamespace)::oid) AND ((c.relname = ANY (ARRAY['tracks'::name, 'artists'::name, 'albums'::name, 'tags'::name, 'track_tags'::name, 'playlists'::name, 'playlist_tracks'::name])) OR ((c.relname ~ '^procrastinate_'::text) AND (to_regclass('search.procrastinate_jobs'::text) IS NULL))))))
        ), topics AS (
         SELECT
                CASE
                    WHEN (t.name ~ '^procrastinate_'::text) THEN 'queue'::text
                    WHEN (t.name ~ '^mirror_'::text) THEN 'mirror'::text
                    WHEN (t.name ~ '^map_'::text) THEN 'map'::text
                    WHEN (t.name = ANY (ARRAY['embeddings'::text, 'calibration_tracks'::text])) THEN 'vectors'::text
                    WHEN (t.name = ANY (ARRAY['documents'::text, 'words'::text, 'word_deletions'::text, 'common_words'::text, 'word_count_changes'::text, 'track_count_changes'::text])) THEN 'names'::text
                    WHEN (t.name = ANY (ARRAY['tracks'::text, 'artists'::text, 'albums'::text, 'tags'::text, 'track_tags'::text, 'playlists'::text, 'playlist_tracks'::text])) THEN 'catalogue'::text
                    ELSE 'other'::text
                END AS topic,
            t.oid,
            t.name,
            t.schema_name,
            t.rows,
            t.heap_bytes,
            t.index_bytes
           FROM tables t
        ), summed AS (
         SELECT t.topic,
            ((t.schema_name || '.'::text) || t.name) AS name,
            (sum(t.rows))::bigint AS rows,
            (sum(t.heap_bytes))::bigint AS heap_bytes,
            (sum(t.index_bytes))::bigint AS index_bytes
           FROM topics t
          GROUP BY GROUPING SETS ((t.topic, t.schema_name, t.name), (t.topic), ())
        )
 SELECT COALESCE(topic, 'everything'::text) AS topic,
    name,
    rows,
    heap_bytes,
    index_bytes,
    (heap_bytes + index_bytes) AS total_bytes,
    pg_size_pretty((heap_bytes + index_bytes)) AS total
   FROM summed s
  ORDER BY (topic IS NOT NULL), (name IS NOT NULL), (heap_bytes + index_bytes) DESC, name;

--
-- Name: VIEW sizes; Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON VIEW search.sizes IS 'How big everything is: one row for all of it, one for each topic, and one for each table, its partitions taken together.
Example: select topic, name, rows, total from search.sizes';

--
-- Name: COLUMN sizes.topic; Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON COLUMN search.sizes.topic IS 'everything, catalogue, names, vectors, queue, mirror, map or other.';

--
-- Name: COLUMN sizes.name; Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON COLUMN search.sizes.name IS 'The table with its schema; null in a row that sums a topic or everything.';

--
-- Name: COLUMN sizes.rows; Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON COLUMN search.sizes.rows IS 'The planner''s estimate of the rows.';

--
-- Name: COLUMN sizes.heap_bytes; Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON COLUMN search.sizes.heap_bytes IS 'Bytes of the rows, with what is stored apart of long ones.';

--
-- Name: COLUMN sizes.index_bytes; Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON COLUMN search.sizes.index_bytes IS 'Bytes of the indexes.';

--
-- Name: COLUMN sizes.total_bytes; Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON COLUMN search.sizes.total_bytes IS 'The sum of both.';

--
-- Name: COLUMN sizes.total; Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON COLUMN search.sizes.total IS 'The same for people to read.';

--
-- Name: slow_queries; Type: VIEW; Schema: search; Owner: -
--

CREATE VIEW search.slow_queries AS
 SELECT query,
    calls,
    mean_ms,
    worst_ms,
    total_ms,
    rows_each,
    read_share
   FROM search_internal.slow_statements() s(query, calls, mean_ms, worst_ms, total_ms, rows_each, read_share);

--
-- Name: VIEW slow_queries; Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON VIEW search.slow_queries IS 'The fifty statements that took most time in all; empty unless pg_stat_statements is in use.
Example: select query, calls, mean_ms, worst_ms from search.slow_queries';

--
-- Name: COLUMN slow_queries.query; Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON COLUMN search.slow_queries.query IS 'The statement, with its parameters left out.';

--
-- Name: COLUMN slow_queries.calls; Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON COLUMN search.slow_queries.calls IS 'How often it ran.';

--
-- Name: COLUMN slow_queries.mean_ms; Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON COLUMN search.slow_queries.mean_ms IS 'Milliseconds a call.';

--
-- Name: COLUMN slow_queries.worst_ms; Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON COLUMN search.slow_queries.worst_ms IS 'Milliseconds of the slowest call.';

--
-- Name: COLUMN slow_queries.total_ms; Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON COLUMN search.slow_queries.total_ms IS 'Milliseconds of all calls.';

--
-- Name: COLUMN slow_queries.rows_each; Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON COLUMN search.slow_queries.rows_each IS 'Rows a call.';

--
-- Name: COLUMN slow_queries.read_share; Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON COLUMN search.slow_queries.read_share IS 'Share of its pages that were not in Postgres'' memory, 0 to 1.';

--
-- Name: stale_notes; Type: TABLE; Schema: search; Owner: -
--

CREATE TABLE search.stale_notes (
    id bigint NOT NULL,
    table_name text NOT NULL,
    operation text NOT NULL,
    error text NOT NULL,
    followed boolean NOT NULL,
    noted_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL
);

--
-- Name: TABLE stale_notes; Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON TABLE search.stale_notes IS 'Writes to an adopted catalogue that a trigger could not follow in the usual way, once for each table, operation and error. vibe-search db adopt reads the names again and empties it; the view search.stale_tables sums it up.';

--
-- Name: COLUMN stale_notes.table_name; Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON COLUMN search.stale_notes.table_name IS 'The table of the application.';

--
-- Name: COLUMN stale_notes.operation; Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON COLUMN search.stale_notes.operation IS 'INSERT, UPDATE or DELETE.';

--
-- Name: COLUMN stale_notes.error; Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON COLUMN search.stale_notes.error IS 'What Postgres said.';

--
-- Name: COLUMN stale_notes.followed; Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON COLUMN search.stale_notes.followed IS 'Whether search read the rows again by their keys instead. If not, it hides them.';

--
-- Name: COLUMN stale_notes.noted_at; Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON COLUMN search.stale_notes.noted_at IS 'When that happened first.';

--
-- Name: stale_notes_id_seq; Type: SEQUENCE; Schema: search; Owner: -
--

ALTER TABLE search.stale_notes ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME search.stale_notes_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

--
-- Name: stale_tables; Type: VIEW; Schema: search; Owner: -
--

CREATE VIEW search.stale_tables AS
 SELECT table_name,
    bool_and(followed) AS followed,
    min(noted_at) AS since,
    array_agg(DISTINCT error) AS errors
   FROM search.stale_notes n
  GROUP BY table_name;

--
-- Name: VIEW stale_tables; Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON VIEW search.stale_tables IS 'Tables of an adopted catalogue whose writes search cannot follow in the usual way, as after a column was renamed. Empty when all is well. vibe-search db adopt says what is missing, or reads the names again.
Example: select table_name, since, errors from search.stale_tables';

--
-- Name: COLUMN stale_tables.table_name; Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON COLUMN search.stale_tables.table_name IS 'The table of the application.';

--
-- Name: COLUMN stale_tables.followed; Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON COLUMN search.stale_tables.followed IS 'Whether search still reads its rows by their keys. If not, changed rows are hidden until the next adoption.';

--
-- Name: COLUMN stale_tables.since; Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON COLUMN search.stale_tables.since IS 'When it began.';

--
-- Name: COLUMN stale_tables.errors; Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON COLUMN search.stale_tables.errors IS 'What Postgres said.';

--
-- Name: stored_audio; Type: TABLE; Schema: search; Owner: -
--

CREATE TABLE search.stored_audio (
    file_id text NOT NULL,
    file_type text NOT NULL,
    stored_at timestamp with time zone DEFAULT now() NOT NULL,
    unused_since timestamp with time zone DEFAULT now()
);

--
-- Name: TABLE stored_audio; Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON TABLE search.stored_audio IS 'Audio that was uploaded, a row before its file. The task remove_unused_audio removes what no track uses; files that came into the store in another way are not here and are left alone.';

--
-- Name: COLUMN stored_audio.unused_since; Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON COLUMN search.stored_audio.unused_since IS 'When an upload began or the last track with this audio went; null while a track uses it.';

--
-- Name: tokens; Type: TABLE; Schema: search; Owner: -
--

CREATE TABLE search.tokens (
    id text NOT NULL,
    did text,
    label text DEFAULT ''::text NOT NULL,
    hash bytea NOT NULL,
    scopes text[] NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    expires_at timestamp with time zone,
    revoked_at timestamp with time zone,
    last_used_at timestamp with time zone,
    CONSTRAINT tokens_did_check CHECK (((did IS NOT NULL) OR ('admin'::text = ANY (scopes)))),
    CONSTRAINT tokens_hash_check CHECK ((octet_length(hash) = 32)),
    CONSTRAINT tokens_id_check CHECK ((id ~ '^[0-9a-f]{12}$'::text)),
    CONSTRAINT tokens_scopes_check CHECK (((cardinality(scopes) > 0) AND (array_position(scopes, NULL::text) IS NULL) AND (scopes <@ ARRAY['read'::text, 'upload'::text, 'admin'::text])))
);

--
-- Name: TABLE tokens; Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON TABLE search.tokens IS 'Bearer tokens of the API. Their secrets are nowhere: a hash of each is.';

--
-- Name: COLUMN tokens.id; Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON COLUMN search.tokens.id IS 'The public part of the token''s text, by which it is looked up and named.';

--
-- Name: COLUMN tokens.did; Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON COLUMN search.tokens.did IS 'The artist as whom its holder is recognised; null only for tokens with the scope admin.';

--
-- Name: COLUMN tokens.hash; Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON COLUMN search.tokens.hash IS 'SHA-256 of the secret part. The secret is random, 256 bits: nothing slower is needed.';

--
-- Name: COLUMN tokens.scopes; Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON COLUMN search.tokens.scopes IS 'What it was made for. upload includes read, admin includes both.';

--
-- Name: COLUMN tokens.last_used_at; Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON COLUMN search.tokens.last_used_at IS 'Exact to a minute, so that not every request writes; null also where the API only reads.';

--
-- Name: track_count_changes; Type: TABLE; Schema: search; Owner: -
--

CREATE TABLE search.track_count_changes (
    kind text NOT NULL,
    key text NOT NULL,
    change bigint NOT NULL
);

--
-- Name: TABLE track_count_changes; Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON TABLE search.track_count_changes IS 'Changes of search.documents.track_count that are not yet in it. Two writers that count for the same tag each add a row and need not wait for each other; search_internal.fold_track_counts() adds the rows up.';

--
-- Name: track_embeddings; Type: VIEW; Schema: search; Owner: -
--

CREATE VIEW search.track_embeddings AS
 SELECT e.track_id,
    t.title,
    a.handle AS artist_handle,
    m.name AS model,
    m.identity AS model_identity,
    e.file_id,
    e.embedding,
    e.embedded_at
   FROM (((search.embeddings e
     JOIN search.models m ON (((m.id = e.model_id) AND m.serving)))
     JOIN public.tracks t ON ((t.id = e.track_id)))
     JOIN public.artists a ON ((a.did = t.artist_did)));

--
-- Name: VIEW track_embeddings; Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON VIEW search.track_embeddings IS 'The vector of each track in the model that serves.
Example: select track_id, title, embedding from search.track_embeddings limit 10';

--
-- Name: COLUMN track_embeddings.track_id; Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON COLUMN search.track_embeddings.track_id IS 'The track.';

--
-- Name: COLUMN track_embeddings.title; Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON COLUMN search.track_embeddings.title IS 'Its title.';

--
-- Name: COLUMN track_embeddings.artist_handle; Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON COLUMN search.track_embeddings.artist_handle IS 'Its artist.';

--
-- Name: COLUMN track_embeddings.model; Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON COLUMN search.track_embeddings.model IS 'Name of the serving model.';

--
-- Name: COLUMN track_embeddings.model_identity; Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON COLUMN search.track_embeddings.model_identity IS 'Identity of the serving model.';

--
-- Name: COLUMN track_embeddings.file_id; Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON COLUMN search.track_embeddings.file_id IS 'The audio that was embedded.';

--
-- Name: COLUMN track_embeddings.embedding; Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON COLUMN search.track_embeddings.embedding IS 'The vector, of length 1.';

--
-- Name: COLUMN track_embeddings.embedded_at; Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON COLUMN search.track_embeddings.embedded_at IS 'When it was stored.';

--
-- Name: track_processing; Type: VIEW; Schema: search; Owner: -
--

CREATE VIEW search.track_processing AS
 SELECT t.id AS track_id,
    t.title,
    t.file_id,
    COALESCE((e.file_id = t.file_id), false) AS embedded,
    COALESCE(((t.extra ->> 'genre_predictions_file_id'::text) = t.file_id), false) AS classified,
    ( SELECT jsonb_object_agg(f.task, f.reason) AS jsonb_object_agg
           FROM search.job_failures f
          WHERE ((f.track_id = t.id) AND (f.file_id = t.file_id) AND (f.model = ANY (ARRAY[''::text, m.identity])))) AS failures
   FROM ((public.tracks t
     LEFT JOIN search.models m ON (m.serving))
     LEFT JOIN search.embeddings e ON (((e.track_id = t.id) AND (e.model_id = m.id))));

--
-- Name: VIEW track_processing; Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON VIEW search.track_processing IS 'Whether the current audio of each track is embedded by the serving model and classified, and if not, what went wrong.
Example: select title, failures from search.track_processing where not embedded';

--
-- Name: COLUMN track_processing.track_id; Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON COLUMN search.track_processing.track_id IS 'The track.';

--
-- Name: COLUMN track_processing.title; Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON COLUMN search.track_processing.title IS 'Its title.';

--
-- Name: COLUMN track_processing.file_id; Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON COLUMN search.track_processing.file_id IS 'Its present audio.';

--
-- Name: COLUMN track_processing.embedded; Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON COLUMN search.track_processing.embedded IS 'Whether that audio has a vector in the serving model.';

--
-- Name: COLUMN track_processing.classified; Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON COLUMN search.track_processing.classified IS 'Whether that audio has genre predictions.';

--
-- Name: COLUMN track_processing.failures; Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON COLUMN search.track_processing.failures IS 'Why the last attempts failed, by task; null when none did.';

--
-- Name: word_count_changes; Type: TABLE; Schema: search; Owner: -
--

CREATE TABLE search.word_count_changes (
    word text NOT NULL COLLATE pg_catalog."C",
    documents bigint NOT NULL,
    popularity bigint NOT NULL
);

--
-- Name: TABLE word_count_changes; Type: COMMENT; Schema: search; Owner: -
--

COMMENT ON TABLE search.word_count_changes IS 'Changes of search.words.documents and popularity that are not yet in them: two writers of the same word each add a row and need not wait for each other.';

--
-- Name: embeddings_1; Type: TABLE ATTACH; Schema: search; Owner: -
--

ALTER TABLE ONLY search.embeddings ATTACH PARTITION search.embeddings_1 FOR VALUES IN ('1');

--
-- Name: procrastinate_events id; Type: DEFAULT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.procrastinate_events ALTER COLUMN id SET DEFAULT nextval('public.procrastinate_events_id_seq'::regclass);

--
-- Name: procrastinate_jobs id; Type: DEFAULT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.procrastinate_jobs ALTER COLUMN id SET DEFAULT nextval('public.procrastinate_jobs_id_seq'::regclass);

--
-- Name: procrastinate_periodic_defers id; Type: DEFAULT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.procrastinate_periodic_defers ALTER COLUMN id SET DEFAULT nextval('public.procrastinate_periodic_defers_id_seq'::regclass);

--
-- Name: albums albums_artist_did_slug_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.albums
    ADD CONSTRAINT albums_artist_did_slug_key UNIQUE (artist_did, slug);

--
-- Name: albums albums_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.albums
    ADD CONSTRAINT albums_pkey PRIMARY KEY (id);

--
-- Name: artists artists_handle_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.artists
    ADD CONSTRAINT artists_handle_key UNIQUE (handle);

--
-- Name: artists artists_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.artists
    ADD CONSTRAINT artists_pkey PRIMARY KEY (did);

--
-- Name: feature_flags feature_flags_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.feature_flags
    ADD CONSTRAINT feature_flags_pkey PRIMARY KEY (artist_did, flag);

--
-- Name: playlist_tracks playlist_tracks_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.playlist_tracks
    ADD CONSTRAINT playlist_tracks_pkey PRIMARY KEY (playlist_id, "position");

--
-- Name: playlists playlists_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.playlists
    ADD CONSTRAINT playlists_pkey PRIMARY KEY (id);

--
-- Name: procrastinate_events procrastinate_events_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.procrastinate_events
    ADD CONSTRAINT procrastinate_events_pkey PRIMARY KEY (id);

--
-- Name: procrastinate_jobs procrastinate_jobs_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.procrastinate_jobs
    ADD CONSTRAINT procrastinate_jobs_pkey PRIMARY KEY (id);

--
-- Name: procrastinate_periodic_defers procrastinate_periodic_defers_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.procrastinate_periodic_defers
    ADD CONSTRAINT procrastinate_periodic_defers_pkey PRIMARY KEY (id);

--
-- Name: procrastinate_periodic_defers procrastinate_periodic_defers_unique; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.procrastinate_periodic_defers
    ADD CONSTRAINT procrastinate_periodic_defers_unique UNIQUE (task_name, periodic_id, defer_timestamp);

--
-- Name: procrastinate_workers procrastinate_workers_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.procrastinate_workers
    ADD CONSTRAINT procrastinate_workers_pkey PRIMARY KEY (id);

--
-- Name: tags tags_name_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.tags
    ADD CONSTRAINT tags_name_key UNIQUE (name);

--
-- Name: tags tags_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.tags
    ADD CONSTRAINT tags_pkey PRIMARY KEY (id);

--
-- Name: track_tags track_tags_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.track_tags
    ADD CONSTRAINT track_tags_pkey PRIMARY KEY (track_id, tag_id);

--
-- Name: tracks tracks_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.tracks
    ADD CONSTRAINT tracks_pkey PRIMARY KEY (id);

--
-- Name: vibe_search_version vibe_search_version_pkc; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.vibe_search_version
    ADD CONSTRAINT vibe_search_version_pkc PRIMARY KEY (version_num);

--
-- Name: audio_uploads audio_uploads_pkey; Type: CONSTRAINT; Schema: search; Owner: -
--

ALTER TABLE ONLY search.audio_uploads
    ADD CONSTRAINT audio_uploads_pkey PRIMARY KEY (file_id, file_type, artist_did);

--
-- Name: calibration_tracks calibration_tracks_pkey; Type: CONSTRAINT; Schema: search; Owner: -
--

ALTER TABLE ONLY search.calibration_tracks
    ADD CONSTRAINT calibration_tracks_pkey PRIMARY KEY (model_id, track_id);

--
-- Name: calibrations calibrations_pkey; Type: CONSTRAINT; Schema: search; Owner: -
--

ALTER TABLE ONLY search.calibrations
    ADD CONSTRAINT calibrations_pkey PRIMARY KEY (model_id);

--
-- Name: common_words common_words_pkey; Type: CONSTRAINT; Schema: search; Owner: -
--

ALTER TABLE ONLY search.common_words
    ADD CONSTRAINT common_words_pkey PRIMARY KEY (word);

--
-- Name: documents documents_pkey; Type: CONSTRAINT; Schema: search; Owner: -
--

ALTER TABLE ONLY search.documents
    ADD CONSTRAINT documents_pkey PRIMARY KEY (kind, key, field);

--
-- Name: embeddings embeddings_pkey; Type: CONSTRAINT; Schema: search; Owner: -
--

ALTER TABLE ONLY search.embeddings
    ADD CONSTRAINT embeddings_pkey PRIMARY KEY (track_id, model_id);

--
-- Name: embeddings_1 embeddings_1_pkey; Type: CONSTRAINT; Schema: search; Owner: -
--

ALTER TABLE ONLY search.embeddings_1
    ADD CONSTRAINT embeddings_1_pkey PRIMARY KEY (track_id, model_id);

--
-- Name: job_failures job_failures_pkey; Type: CONSTRAINT; Schema: search; Owner: -
--

ALTER TABLE ONLY search.job_failures
    ADD CONSTRAINT job_failures_pkey PRIMARY KEY (track_id, task, model);

--
-- Name: map_points map_points_pkey; Type: CONSTRAINT; Schema: search; Owner: -
--

ALTER TABLE ONLY search.map_points
    ADD CONSTRAINT map_points_pkey PRIMARY KEY (track_id);

--
-- Name: map_state map_state_pkey; Type: CONSTRAINT; Schema: search; Owner: -
--

ALTER TABLE ONLY search.map_state
    ADD CONSTRAINT map_state_pkey PRIMARY KEY (only_row);

--
-- Name: mirror_changes mirror_changes_pkey; Type: CONSTRAINT; Schema: search; Owner: -
--

ALTER TABLE ONLY search.mirror_changes
    ADD CONSTRAINT mirror_changes_pkey PRIMARY KEY (track_id);

--
-- Name: mirror_checks mirror_checks_pkey; Type: CONSTRAINT; Schema: search; Owner: -
--

ALTER TABLE ONLY search.mirror_checks
    ADD CONSTRAINT mirror_checks_pkey PRIMARY KEY (id);

--
-- Name: mirror_namespaces mirror_namespaces_name_key; Type: CONSTRAINT; Schema: search; Owner: -
--

ALTER TABLE ONLY search.mirror_namespaces
    ADD CONSTRAINT mirror_namespaces_name_key UNIQUE (name);

--
-- Name: mirror_namespaces mirror_namespaces_pkey; Type: CONSTRAINT; Schema: search; Owner: -
--

ALTER TABLE ONLY search.mirror_namespaces
    ADD CONSTRAINT mirror_namespaces_pkey PRIMARY KEY (generation);

--
-- Name: mirror_state mirror_state_pkey; Type: CONSTRAINT; Schema: search; Owner: -
--

ALTER TABLE ONLY search.mirror_state
    ADD CONSTRAINT mirror_state_pkey PRIMARY KEY (only_row);

--
-- Name: models models_identity_key; Type: CONSTRAINT; Schema: search; Owner: -
--

ALTER TABLE ONLY search.models
    ADD CONSTRAINT models_identity_key UNIQUE (identity);

--
-- Name: models models_pkey; Type: CONSTRAINT; Schema: search; Owner: -
--

ALTER TABLE ONLY search.models
    ADD CONSTRAINT models_pkey PRIMARY KEY (id);

--
-- Name: queue_migrations queue_migrations_pkey; Type: CONSTRAINT; Schema: search; Owner: -
--

ALTER TABLE ONLY search.queue_migrations
    ADD CONSTRAINT queue_migrations_pkey PRIMARY KEY (name);

--
-- Name: schema_state schema_state_pkey; Type: CONSTRAINT; Schema: search; Owner: -
--

ALTER TABLE ONLY search.schema_state
    ADD CONSTRAINT schema_state_pkey PRIMARY KEY (key);

--
-- Name: stale_notes stale_notes_pkey; Type: CONSTRAINT; Schema: search; Owner: -
--

ALTER TABLE ONLY search.stale_notes
    ADD CONSTRAINT stale_notes_pkey PRIMARY KEY (id);

--
-- Name: stored_audio stored_audio_pkey; Type: CONSTRAINT; Schema: search; Owner: -
--

ALTER TABLE ONLY search.stored_audio
    ADD CONSTRAINT stored_audio_pkey PRIMARY KEY (file_id, file_type);

--
-- Name: tokens tokens_pkey; Type: CONSTRAINT; Schema: search; Owner: -
--

ALTER TABLE ONLY search.tokens
    ADD CONSTRAINT tokens_pkey PRIMARY KEY (id);

--
-- Name: word_deletions word_deletions_pkey; Type: CONSTRAINT; Schema: search; Owner: -
--

ALTER TABLE ONLY search.word_deletions
    ADD CONSTRAINT word_deletions_pkey PRIMARY KEY (deletion, word);

--
-- Name: words words_pkey; Type: CONSTRAINT; Schema: search; Owner: -
--

ALTER TABLE ONLY search.words
    ADD CONSTRAINT words_pkey PRIMARY KEY (word);

--
-- Name: idx_procrastinate_jobs_worker_not_null; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_procrastinate_jobs_worker_not_null ON public.procrastinate_jobs USING btree (worker_id) WHERE ((worker_id IS NOT NULL) AND (status = 'doing'::public.procrastinate_job_status));

--
-- Name: idx_procrastinate_workers_last_heartbeat; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_procrastinate_workers_last_heartbeat ON public.procrastinate_workers USING btree (last_heartbeat);

--
-- Name: playlist_tracks_track_id_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX playlist_tracks_track_id_idx ON public.playlist_tracks USING btree (track_id);

--
-- Name: playlists_owner_did_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX playlists_owner_did_idx ON public.playlists USING btree (owner_did);

--
-- Name: procrastinate_events_job_id_fkey_v1; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX procrastinate_events_job_id_fkey_v1 ON public.procrastinate_events USING btree (job_id);

--
-- Name: procrastinate_jobs_id_lock_idx_v1; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX procrastinate_jobs_id_lock_idx_v1 ON public.procrastinate_jobs USING btree (id, lock) WHERE (status = ANY (ARRAY['todo'::public.procrastinate_job_status, 'doing'::public.procrastinate_job_status]));

--
-- Name: procrastinate_jobs_lock_idx_v1; Type: INDEX; Schema: public; Owner: -
--

CREATE UNIQUE INDEX procrastinate_jobs_lock_idx_v1 ON public.procrastinate_jobs USING btree (lock) WHERE (status = 'doing'::public.procrastinate_job_status);

--
-- Name: procrastinate_jobs_priority_idx_v1; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX procrastinate_jobs_priority_idx_v1 ON public.procrastinate_jobs USING btree (priority DESC, id) WHERE (status = 'todo'::public.procrastinate_job_status);

--
-- Name: procrastinate_jobs_queue_name_idx_v1; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX procrastinate_jobs_queue_name_idx_v1 ON public.procrastinate_jobs USING btree (queue_name);

--
-- Name: procrastinate_jobs_queueing_lock_idx_v1; Type: INDEX; Schema: public; Owner: -
--

CREATE UNIQUE INDEX procrastinate_jobs_queueing_lock_idx_v1 ON public.procrastinate_jobs USING btree (queueing_lock) WHERE (status = 'todo'::public.procrastinate_job_status);

--
-- Name: procrastinate_periodic_defers_job_id_fkey_v1; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX procrastinate_periodic_defers_job_id_fkey_v1 ON public.procrastinate_periodic_defers USING btree (job_id);

--
-- Name: search_tags_lower_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX search_tags_lower_idx ON public.tags USING btree (lower(name));

--
-- Name: search_unfinished_jobs_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX search_unfinished_jobs_idx ON public.procrastinate_jobs USING btree (((args ->> 'track_id'::text))) WHERE (status = ANY (ARRAY['todo'::public.procrastinate_job_status, 'doing'::public.procrastinate_job_status]));

--
-- Name: track_tags_tag_id_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX track_tags_tag_id_idx ON public.track_tags USING btree (tag_id, track_id);

--
-- Name: tracks_album_id_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX tracks_album_id_idx ON public.tracks USING btree (album_id, play_count DESC, id);

--
-- Name: tracks_artist_did_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX tracks_artist_did_idx ON public.tracks USING btree (artist_did, play_count DESC, id);

--
-- Name: tracks_file_id_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX tracks_file_id_idx ON public.tracks USING btree (file_id);

--
-- Name: audio_uploads_artist_did_idx; Type: INDEX; Schema: search; Owner: -
--

CREATE INDEX audio_uploads_artist_did_idx ON search.audio_uploads USING btree (artist_did);

--
-- Name: documents_audience_idx; Type: INDEX; Schema: search; Owner: -
--

CREATE INDEX documents_audience_idx ON search.documents USING btree (audience, popularity DESC) WHERE (audience IS NOT NULL);

--
-- Name: documents_owner_idx; Type: INDEX; Schema: search; Owner: -
--

CREATE INDEX documents_owner_idx ON search.documents USING btree (owner, popularity DESC) WHERE (owner IS NOT NULL);

--
-- Name: documents_prefix_idx; Type: INDEX; Schema: search; Owner: -
--

CREATE INDEX documents_prefix_idx ON search.documents USING btree (kind, level, normalized) INCLUDE (popularity, key, field, listed, owner, audience);

--
-- Name: documents_tokens_idx; Type: INDEX; Schema: search; Owner: -
--

CREATE INDEX documents_tokens_idx ON search.documents USING gin (tokens) WITH (fastupdate=off);

--
-- Name: embeddings_1_audience_idx; Type: INDEX; Schema: search; Owner: -
--

CREATE INDEX embeddings_1_audience_idx ON search.embeddings_1 USING btree (audience) WHERE (audience IS NOT NULL);

--
-- Name: embeddings_1_hnsw_idx; Type: INDEX; Schema: search; Owner: -
--

CREATE INDEX embeddings_1_hnsw_idx ON search.embeddings_1 USING hnsw (((embedding)::public.halfvec(100)) public.halfvec_cosine_ops) WHERE listed;

--
-- Name: embeddings_1_owner_idx; Type: INDEX; Schema: search; Owner: -
--

CREATE INDEX embeddings_1_owner_idx ON search.embeddings_1 USING btree (owner) WHERE (owner IS NOT NULL);

--
-- Name: mirror_changes_changed_at_idx; Type: INDEX; Schema: search; Owner: -
--

CREATE INDEX mirror_changes_changed_at_idx ON search.mirror_changes USING btree (changed_at);

--
-- Name: mirror_namespaces_filling_idx; Type: INDEX; Schema: search; Owner: -
--

CREATE UNIQUE INDEX mirror_namespaces_filling_idx ON search.mirror_namespaces USING btree (state) WHERE (state = 'filling'::text);

--
-- Name: mirror_namespaces_serving_idx; Type: INDEX; Schema: search; Owner: -
--

CREATE UNIQUE INDEX mirror_namespaces_serving_idx ON search.mirror_namespaces USING btree (state) WHERE (state = 'serving'::text);

--
-- Name: models_candidate_idx; Type: INDEX; Schema: search; Owner: -
--

CREATE UNIQUE INDEX models_candidate_idx ON search.models USING btree (candidate) WHERE candidate;

--
-- Name: models_serving_idx; Type: INDEX; Schema: search; Owner: -
--

CREATE UNIQUE INDEX models_serving_idx ON search.models USING btree (serving) WHERE serving;

--
-- Name: stored_audio_unused_idx; Type: INDEX; Schema: search; Owner: -
--

CREATE INDEX stored_audio_unused_idx ON search.stored_audio USING btree (unused_since) WHERE (unused_since IS NOT NULL);

--
-- Name: tokens_did_idx; Type: INDEX; Schema: search; Owner: -
--

CREATE INDEX tokens_did_idx ON search.tokens USING btree (did);

--
-- Name: track_count_changes_idx; Type: INDEX; Schema: search; Owner: -
--

CREATE INDEX track_count_changes_idx ON search.track_count_changes USING btree (kind, key);

--
-- Name: word_deletions_word_idx; Type: INDEX; Schema: search; Owner: -
--

CREATE INDEX word_deletions_word_idx ON search.word_deletions USING btree (word);

--
-- Name: words_trigrams_idx; Type: INDEX; Schema: search; Owner: -
--

CREATE INDEX words_trigrams_idx ON search.words USING gin (word public.gin_trgm_ops) WITH (fastupdate=off);

--
-- Name: embeddings_1_pkey; Type: INDEX ATTACH; Schema: search; Owner: -
--

ALTER INDEX search.embeddings_pkey ATTACH PARTITION search.embeddings_1_pkey;

--
-- Name: tracks audio_unused_on_delete; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER audio_unused_on_delete AFTER DELETE ON public.tracks FOR EACH ROW EXECUTE FUNCTION search_internal.on_audio_used();

--
-- Name: tracks audio_used_on_insert; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER audio_used_on_insert AFTER INSERT ON public.tracks FOR EACH ROW EXECUTE FUNCTION search_internal.on_audio_used();

--
-- Name: tracks audio_used_on_new_audio; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER audio_used_on_new_audio AFTER UPDATE OF file_id ON public.tracks FOR EACH ROW WHEN ((new.file_id IS DISTINCT FROM old.file_id)) EXECUTE FUNCTION search_internal.on_audio_used();

--
-- Name: tracks discard_on_new_audio; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER discard_on_new_audio BEFORE UPDATE OF file_id ON public.tracks FOR EACH ROW WHEN ((new.file_id IS DISTINCT FROM old.file_id)) EXECUTE FUNCTION search_internal.on_audio_replaced();

--
-- Name: tracks enqueue_on_insert; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER enqueue_on_insert AFTER INSERT ON public.tracks FOR EACH ROW EXECUTE FUNCTION search_internal.enqueue_track_jobs();

--
-- Name: tracks enqueue_on_new_audio; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER enqueue_on_new_audio AFTER UPDATE ON public.tracks FOR EACH ROW WHEN (((new.file_id IS DISTINCT FROM old.file_id) OR (new.visibility IS DISTINCT FROM old.visibility))) EXECUTE FUNCTION search_internal.enqueue_track_jobs();

--
-- Name: artists mirror_update; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER mirror_update AFTER UPDATE ON public.artists FOR EACH ROW WHEN ((old.handle IS DISTINCT FROM new.handle)) EXECUTE FUNCTION search_internal.on_artist_mirrored();

--
-- Name: tracks mirror_update; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER mirror_update AFTER UPDATE ON public.tracks FOR EACH ROW WHEN ((((old.title IS DISTINCT FROM new.title) OR (old.artist_did IS DISTINCT FROM new.artist_did)) OR (old.visibility IS DISTINCT FROM new.visibility))) EXECUTE FUNCTION search_internal.on_track_mirrored();

--
-- Name: procrastinate_jobs procrastinate_jobs_notify_queue_job_aborted_v1; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER procrastinate_jobs_notify_queue_job_aborted_v1 AFTER UPDATE OF abort_requested ON public.procrastinate_jobs FOR EACH ROW WHEN (((old.abort_requested = false) AND (new.abort_requested = true) AND (new.status = 'doing'::public.procrastinate_job_status))) EXECUTE FUNCTION public.procrastinate_notify_queue_abort_job_v1();

--
-- Name: procrastinate_jobs procrastinate_jobs_notify_queue_job_inserted_v1; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER procrastinate_jobs_notify_queue_job_inserted_v1 AFTER INSERT ON public.procrastinate_jobs FOR EACH ROW WHEN ((new.status = 'todo'::public.procrastinate_job_status)) EXECUTE FUNCTION public.procrastinate_notify_queue_job_inserted_v1();

--
-- Name: procrastinate_jobs procrastinate_trigger_abort_requested_events_v1; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER procrastinate_trigger_abort_requested_events_v1 AFTER UPDATE OF abort_requested ON public.procrastinate_jobs FOR EACH ROW WHEN ((new.abort_requested = true)) EXECUTE FUNCTION public.procrastinate_trigger_abort_requested_events_procedure_v1();

--
-- Name: procrastinate_jobs procrastinate_trigger_delete_jobs_v1; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER procrastinate_trigger_delete_jobs_v1 BEFORE DELETE ON public.procrastinate_jobs FOR EACH ROW EXECUTE FUNCTION public.procrastinate_unlink_periodic_defers_v1();

--
-- Name: procrastinate_jobs procrastinate_trigger_scheduled_events_v1; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER procrastinate_trigger_scheduled_events_v1 AFTER INSERT OR UPDATE ON public.procrastinate_jobs FOR EACH ROW WHEN (((new.scheduled_at IS NOT NULL) AND (new.status = 'todo'::public.procrastinate_job_status))) EXECUTE FUNCTION public.procrastinate_trigger_function_scheduled_events_v1();

--
-- Name: procrastinate_jobs procrastinate_trigger_status_events_insert_v1; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER procrastinate_trigger_status_events_insert_v1 AFTER INSERT ON public.procrastinate_jobs FOR EACH ROW WHEN ((new.status = 'todo'::public.procrastinate_job_status)) EXECUTE FUNCTION public.procrastinate_trigger_function_status_events_insert_v1();

--
-- Name: procrastinate_jobs procrastinate_trigger_status_events_update_v1; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER procrastinate_trigger_status_events_update_v1 AFTER UPDATE OF status ON public.procrastinate_jobs FOR EACH ROW EXECUTE FUNCTION public.procrastinate_trigger_function_status_events_update_v1();

--
-- Name: tracks search_count_out; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER search_count_out BEFORE DELETE ON public.tracks FOR EACH ROW EXECUTE FUNCTION search_internal.on_track_deleted();

--
-- Name: albums search_delete; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER search_delete AFTER DELETE ON public.albums REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION search_internal.on_albums_changed();

--
-- Name: artists search_delete; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER search_delete AFTER DELETE ON public.artists REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION search_internal.on_artists_changed();

--
-- Name: playlist_tracks search_delete; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER search_delete AFTER DELETE ON public.playlist_tracks REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION search_internal.on_playlist_tracks_changed();

--
-- Name: playlists search_delete; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER search_delete AFTER DELETE ON public.playlists REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION search_internal.on_playlists_changed();

--
-- Name: tags search_delete; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER search_delete AFTER DELETE ON public.tags REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION search_internal.on_tags_changed();

--
-- Name: track_tags search_delete; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER search_delete AFTER DELETE ON public.track_tags REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION search_internal.on_track_tags_changed();

--
-- Name: tracks search_delete; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER search_delete AFTER DELETE ON public.tracks REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION search_internal.on_tracks_changed();

--
-- Name: albums search_insert; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER search_insert AFTER INSERT ON public.albums REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION search_internal.on_albums_changed();

--
-- Name: artists search_insert; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER search_insert AFTER INSERT ON public.artists REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION search_internal.on_artists_changed();

--
-- Name: playlist_tracks search_insert; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER search_insert AFTER INSERT ON public.playlist_tracks REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION search_internal.on_playlist_tracks_changed();

--
-- Name: playlists search_insert; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER search_insert AFTER INSERT ON public.playlists REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION search_internal.on_playlists_changed();

--
-- Name: tags search_insert; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER search_insert AFTER INSERT ON public.tags REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION search_internal.on_tags_changed();

--
-- Name: track_tags search_insert; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER search_insert AFTER INSERT ON public.track_tags REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION search_internal.on_track_tags_changed();

--
-- Name: tracks search_insert; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER search_insert AFTER INSERT ON public.tracks REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION search_internal.on_tracks_changed();

--
-- Name: albums search_lock_in_order; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER search_lock_in_order BEFORE DELETE ON public.albums FOR EACH ROW EXECUTE FUNCTION search_internal.on_album_deleted();

--
-- Name: albums search_update; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER search_update AFTER UPDATE ON public.albums REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION search_internal.on_albums_changed();

--
-- Name: artists search_update; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER search_update AFTER UPDATE ON public.artists REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION search_internal.on_artists_changed();

--
-- Name: playlist_tracks search_update; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER search_update AFTER UPDATE ON public.playlist_tracks REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION search_internal.on_playlist_tracks_changed();

--
-- Name: playlists search_update; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER search_update AFTER UPDATE ON public.playlists REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION search_internal.on_playlists_changed();

--
-- Name: tags search_update; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER search_update AFTER UPDATE ON public.tags REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION search_internal.on_tags_changed();

--
-- Name: track_tags search_update; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER search_update AFTER UPDATE ON public.track_tags REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION search_internal.on_track_tags_changed();

--
-- Name: tracks search_update; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER search_update AFTER UPDATE ON public.tracks REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION search_internal.on_tracks_updated();

--
-- Name: documents count_deleted; Type: TRIGGER; Schema: search; Owner: -
--

CREATE TRIGGER count_deleted AFTER DELETE ON search.documents REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION search_internal.on_documents_written();

--
-- Name: documents count_inserted; Type: TRIGGER; Schema: search; Owner: -
--

CREATE TRIGGER count_inserted AFTER INSERT ON search.documents REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION search_internal.on_documents_written();

--
-- Name: documents count_updated; Type: TRIGGER; Schema: search; Owner: -
--

CREATE TRIGGER count_updated AFTER UPDATE ON search.documents REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION search_internal.on_documents_written();

--
-- Name: documents derive; Type: TRIGGER; Schema: search; Owner: -
--

CREATE TRIGGER derive BEFORE INSERT OR UPDATE OF kind, normalized, context, popularity ON search.documents FOR EACH ROW EXECUTE FUNCTION search_internal.on_document_written();

--
-- Name: embeddings mirror_delete; Type: TRIGGER; Schema: search; Owner: -
--

CREATE TRIGGER mirror_delete AFTER DELETE ON search.embeddings FOR EACH ROW WHEN (old.listed) EXECUTE FUNCTION search_internal.on_embedding_mirrored();

--
-- Name: embeddings mirror_insert; Type: TRIGGER; Schema: search; Owner: -
--

CREATE TRIGGER mirror_insert AFTER INSERT ON search.embeddings FOR EACH ROW WHEN (new.listed) EXECUTE FUNCTION search_internal.on_embedding_mirrored();

--
-- Name: embeddings mirror_update; Type: TRIGGER; Schema: search; Owner: -
--

CREATE TRIGGER mirror_update AFTER UPDATE ON search.embeddings FOR EACH ROW WHEN (((old.listed OR new.listed) AND ((old.embedding OPERATOR(public.<>) new.embedding) OR (old.listed <> new.listed)))) EXECUTE FUNCTION search_internal.on_embedding_mirrored();

--
-- Name: albums albums_artist_did_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.albums
    ADD CONSTRAINT albums_artist_did_fkey FOREIGN KEY (artist_did) REFERENCES public.artists(did) ON UPDATE CASCADE ON DELETE CASCADE;

--
-- Name: feature_flags feature_flags_artist_did_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.feature_flags
    ADD CONSTRAINT feature_flags_artist_did_fkey FOREIGN KEY (artist_did) REFERENCES public.artists(did) ON UPDATE CASCADE ON DELETE CASCADE;

--
-- Name: playlist_tracks playlist_tracks_playlist_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.playlist_tracks
    ADD CONSTRAINT playlist_tracks_playlist_id_fkey FOREIGN KEY (playlist_id) REFERENCES public.playlists(id) ON DELETE CASCADE;

--
-- Name: playlist_tracks playlist_tracks_track_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.playlist_tracks
    ADD CONSTRAINT playlist_tracks_track_id_fkey FOREIGN KEY (track_id) REFERENCES public.tracks(id) ON DELETE CASCADE;

--
-- Name: playlists playlists_owner_did_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.playlists
    ADD CONSTRAINT playlists_owner_did_fkey FOREIGN KEY (owner_did) REFERENCES public.artists(did) ON UPDATE CASCADE ON DELETE CASCADE;

--
-- Name: procrastinate_events procrastinate_events_job_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.procrastinate_events
    ADD CONSTRAINT procrastinate_events_job_id_fkey FOREIGN KEY (job_id) REFERENCES public.procrastinate_jobs(id) ON DELETE CASCADE;

--
-- Name: procrastinate_jobs procrastinate_jobs_worker_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.procrastinate_jobs
    ADD CONSTRAINT procrastinate_jobs_worker_id_fkey FOREIGN KEY (worker_id) REFERENCES public.procrastinate_workers(id) ON DELETE SET NULL;

--
-- Name: procrastinate_periodic_defers procrastinate_periodic_defers_job_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.procrastinate_periodic_defers
    ADD CONSTRAINT procrastinate_periodic_defers_job_id_fkey FOREIGN KEY (job_id) REFERENCES public.procrastinate_jobs(id);

--
-- Name: track_tags track_tags_tag_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.track_tags
    ADD CONSTRAINT track_tags_tag_id_fkey FOREIGN KEY (tag_id) REFERENCES public.tags(id) ON DELETE CASCADE;

--
-- Name: track_tags track_tags_track_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.track_tags
    ADD CONSTRAINT track_tags_track_id_fkey FOREIGN KEY (track_id) REFERENCES public.tracks(id) ON DELETE CASCADE;

--
-- Name: tracks tracks_album_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.tracks
    ADD CONSTRAINT tracks_album_id_fkey FOREIGN KEY (album_id) REFERENCES public.albums(id) ON DELETE SET NULL;

--
-- Name: tracks tracks_artist_did_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.tracks
    ADD CONSTRAINT tracks_artist_did_fkey FOREIGN KEY (artist_did) REFERENCES public.artists(did) ON UPDATE CASCADE ON DELETE CASCADE;

--
-- Name: audio_uploads audio_uploads_artist_did_fkey; Type: FK CONSTRAINT; Schema: search; Owner: -
--

ALTER TABLE ONLY search.audio_uploads
    ADD CONSTRAINT audio_uploads_artist_did_fkey FOREIGN KEY (artist_did) REFERENCES public.artists(did) ON UPDATE CASCADE ON DELETE CASCADE;

--
-- Name: audio_uploads audio_uploads_file_id_file_type_fkey; Type: FK CONSTRAINT; Schema: search; Owner: -
--

ALTER TABLE ONLY search.audio_uploads
    ADD CONSTRAINT audio_uploads_file_id_file_type_fkey FOREIGN KEY (file_id, file_type) REFERENCES search.stored_audio(file_id, file_type) ON DELETE CASCADE;

--
-- Name: calibration_tracks calibration_tracks_model_id_fkey; Type: FK CONSTRAINT; Schema: search; Owner: -
--

ALTER TABLE ONLY search.calibration_tracks
    ADD CONSTRAINT calibration_tracks_model_id_fkey FOREIGN KEY (model_id) REFERENCES search.models(id) ON DELETE CASCADE;

--
-- Name: calibration_tracks calibration_tracks_track_id_fkey; Type: FK CONSTRAINT; Schema: search; Owner: -
--

ALTER TABLE ONLY search.calibration_tracks
    ADD CONSTRAINT calibration_tracks_track_id_fkey FOREIGN KEY (track_id) REFERENCES public.tracks(id) ON DELETE CASCADE;

--
-- Name: calibrations calibrations_model_id_fkey; Type: FK CONSTRAINT; Schema: search; Owner: -
--

ALTER TABLE ONLY search.calibrations
    ADD CONSTRAINT calibrations_model_id_fkey FOREIGN KEY (model_id) REFERENCES search.models(id) ON DELETE CASCADE;

--
-- Name: embeddings embeddings_model_id_fkey; Type: FK CONSTRAINT; Schema: search; Owner: -
--

ALTER TABLE search.embeddings
    ADD CONSTRAINT embeddings_model_id_fkey FOREIGN KEY (model_id) REFERENCES search.models(id);

--
-- Name: embeddings embeddings_track_id_fkey; Type: FK CONSTRAINT; Schema: search; Owner: -
--

ALTER TABLE search.embeddings
    ADD CONSTRAINT embeddings_track_id_fkey FOREIGN KEY (track_id) REFERENCES public.tracks(id) ON DELETE CASCADE;

--
-- Name: job_failures job_failures_track_id_fkey; Type: FK CONSTRAINT; Schema: search; Owner: -
--

ALTER TABLE ONLY search.job_failures
    ADD CONSTRAINT job_failures_track_id_fkey FOREIGN KEY (track_id) REFERENCES public.tracks(id) ON DELETE CASCADE;

--
-- Name: map_points map_points_track_id_fkey; Type: FK CONSTRAINT; Schema: search; Owner: -
--

ALTER TABLE ONLY search.map_points
    ADD CONSTRAINT map_points_track_id_fkey FOREIGN KEY (track_id) REFERENCES public.tracks(id) ON DELETE CASCADE;

--
-- Name: map_state map_state_model_id_fkey; Type: FK CONSTRAINT; Schema: search; Owner: -
--

ALTER TABLE ONLY search.map_state
    ADD CONSTRAINT map_state_model_id_fkey FOREIGN KEY (model_id) REFERENCES search.models(id) ON DELETE SET NULL;

--
-- Name: mirror_namespaces mirror_namespaces_model_id_fkey; Type: FK CONSTRAINT; Schema: search; Owner: -
--

ALTER TABLE ONLY search.mirror_namespaces
    ADD CONSTRAINT mirror_namespaces_model_id_fkey FOREIGN KEY (model_id) REFERENCES search.models(id) ON DELETE SET NULL;

--
-- Name: tokens tokens_did_fkey; Type: FK CONSTRAINT; Schema: search; Owner: -
--

ALTER TABLE ONLY search.tokens
    ADD CONSTRAINT tokens_did_fkey FOREIGN KEY (did) REFERENCES public.artists(did) ON UPDATE CASCADE ON DELETE CASCADE;

--
-- Name: word_deletions word_deletions_word_fkey; Type: FK CONSTRAINT; Schema: search; Owner: -
--

ALTER TABLE ONLY search.word_deletions
    ADD CONSTRAINT word_deletions_word_fkey FOREIGN KEY (word) REFERENCES search.words(word) ON DELETE CASCADE;

--
-- PostgreSQL database dump complete
--
