-- What people call stays in search; what the search is made of goes to a schema of its own, so that \df search.* shows the former.

create schema if not exists search_internal;
comment on schema search_internal is 'What the search is made of, for no one to call: search.help() says what is for people.';
-- functions of search call these as whoever called them; what runs as its owner is revoked where it is made
grant usage on schema search_internal to public;

alter type search.signal set schema search_internal;

do $$
declare
    -- a new database has none of them yet
    moved constant text[] := array[
        'add_tags', 'albums_seen', 'all_terms', 'at_any_level', 'at_level', 'await_renames', 'await_renames_around',
        'begins_a_word', 'begun_term', 'begun_word', 'bind_nearest_tracks', 'change_track_counts', 'choose_auto_tags',
        'confidence', 'context_alternatives', 'context_word', 'count_tracks', 'defer_job', 'deletions',
        'document_tokens', 'draw_calibration_tracks', 'enqueue_track_jobs', 'fill_documents', 'fold_track_counts',
        'has_room', 'highest_levels', 'in_context', 'index_documents', 'lacking', 'learn_words', 'like_literal',
        'likely_forms', 'likeness', 'lock_documents', 'logistic', 'make_signal', 'match_any_level',
        'match_common_words', 'match_held', 'match_names', 'match_rare_words', 'match_roughly', 'match_sounds',
        'mirror_documents', 'mirror_serves', 'mirrored_tracks', 'named_by', 'names_by_level', 'note_mirror_changes',
        'on_albums_changed', 'on_artist_mirrored', 'on_artists_changed', 'on_audio_replaced', 'on_audio_used',
        'on_document_written', 'on_documents_written', 'on_embedding_mirrored', 'on_playlist_tracks_changed',
        'on_playlists_changed', 'on_tags_changed', 'on_track_deleted', 'on_track_mirrored', 'on_track_tags_changed',
        'on_tracks_changed', 'on_tracks_hidden_or_shown', 'on_tracks_updated', 'popularity_level', 'queue_counts',
        'raise_mirror_version', 'ranked_page', 'refresh_albums', 'refresh_artists', 'refresh_playlists', 'refresh_tags',
        'refresh_tracks', 'relist_albums', 'relist_tags', 'signals', 'similar_words', 'slow_statements',
        'sorted_letters', 'sound_scale', 'store_genre_predictions', 'take_unused_audio', 'token_prefix', 'typo_class',
        'unaccent', 'unmirrored_tracks', 'whole_word', 'word_forms', 'word_term', 'word_terms', 'words_by_level'
    ];
    -- statements of the former version call these until its last process is restarted
    called constant text[] := array[
        'add_tags', 'draw_calibration_tracks', 'fold_track_counts', 'mirror_documents', 'mirror_serves',
        'note_mirror_changes', 'queue_counts', 'raise_mirror_version', 'store_genre_predictions', 'take_unused_audio',
        'unmirrored_tracks'
    ];
    found record;
begin
    for found in
        select p.oid::regprocedure as signature from pg_proc p
        where p.pronamespace = 'search'::regnamespace and p.proname = any (moved)
    loop
        execute format('alter function %s set schema search_internal', found.signature);
    end loop;
    for found in
        select p.proname, pg_get_function_arguments(p.oid) as arguments, pg_get_function_result(p.oid) as result,
               case p.provolatile when 's' then 'stable' else 'volatile' end as volatility,
               (select string_agg('$' || n, ', ' order by n) from generate_series(1, p.pronargs) as n) as given,
               pg_get_function_identity_arguments(p.oid) as identity
        from pg_proc p
        where p.pronamespace = 'search_internal'::regnamespace and p.proname = any (called)
    loop
        execute format(
            'create function search.%1$I(%2$s) returns %3$s language sql %4$s set search_path = pg_catalog, search, public '
            'as $former$ select * from search_internal.%1$I(%5$s) $former$',
            found.proname, found.arguments, found.result, found.volatility, coalesce(found.given, ''));
        execute format(
            'comment on function search.%1$I(%2$s) is %3$L', found.proname, found.identity,
            'Former name of search_internal.' || found.proname || ': drop it with search_internal.drop_former_names().');
    end loop;
end;
$$;

-- A move makes no name another one: documents that were made by the functions before it are as those after it make them.
update search.schema_state set value = 'b4e07f53846933fc1b2a948d5b9857e37dc9e507bd960dc9e06a37f655c2d86f'
where key = 'documents' and value = 'dc274ad6ca751c0b60f60262f2d1ab59b838aa3c4ee7a239ef2a08eaef504f10';

-- Comments that name what was moved.
comment on type search_internal.signal is 'One reason to list an entity; search_internal.make_signal makes one.';
comment on column search_internal.signal.class is
    'Better first within a tier: search_internal.whole_word() and so on, or search_internal.typo_class().';
comment on column search.documents.track_count is
    'Listed tracks that the entity holds, as of the last search_internal.fold_track_counts(); search.track_count(kind, key) is exact.';
comment on column search.documents.level is
    'search_internal.popularity_level(popularity): candidates are read from the highest level downwards.';
comment on column search.documents.tokens is
    'search_internal.document_tokens(...): words of the name and of the context, each behind letters for kind and level.';
comment on table search.track_count_changes is
    'Changes of search.documents.track_count that are not yet in it. Two writers that count for the same tag each add '
    'a row and need not wait for each other; search_internal.fold_track_counts() adds the rows up.';
