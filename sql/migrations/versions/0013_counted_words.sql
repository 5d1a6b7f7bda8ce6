-- The vocabulary is that of listed names, counted, and a word leaves with its last name.

alter table search.words
    -- null until search_internal.count_words() has counted: before that nothing may leave
    add column documents bigint,
    add column popularity bigint;
comment on table search.words is
    'The words of all listed names. search_internal.fold_word_counts() removes a word whose last name is gone.';
comment on column search.words.documents is
    'Listed names that have the word, as of the last search_internal.fold_word_counts().';
comment on column search.words.popularity is
    'Sum of 4 ^ level over these names: about the plays of what is called so. The likelier of two corrections has more.';

create table search.word_count_changes (
    word text collate "C" not null,
    documents bigint not null,
    popularity bigint not null
);
comment on table search.word_count_changes is
    'Changes of search.words.documents and popularity that are not yet in them: two writers of the same word each add a row '
    'and need not wait for each other.';

-- These take other arguments or return other columns now. They are made anew in the transaction of this migration.
drop trigger if exists learn_insert on search.documents;
drop trigger if exists learn_update on search.documents;
drop function if exists search_internal.learn_words(text[]);
drop function if exists search_internal.word_forms(text[]);
drop function if exists search_internal.likely_forms(text[], boolean);
drop function if exists search_internal.similar_words(text, integer);
drop function if exists search_internal.match_common_words(text[], text, text, text[], text, integer);
drop function if exists search_internal.match_roughly(text[], boolean, text, text[], text, integer);
