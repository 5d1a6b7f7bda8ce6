-- An index over words instead of trigrams over titles: titles grow without bound, words do not. Its tokens carry the
-- level of popularity of their document, so that a search reads the most popular matches first and stops when it has
-- enough, however common a word is.

create extension if not exists fuzzystrmatch;

drop index search.documents_trigrams_idx;
drop index search.documents_normalized_idx;

-- migrate fills it again: search.rebuild_documents knows how names become tokens
truncate search.documents;

alter table search.documents
    add column context text collate "C" not null default '',
    add column level smallint not null,
    add column tokens tsvector not null;
comment on column search.documents.context is
    'Normalised names of what the entity belongs to (artist, album, owner): words that may be typed along with its own.';
comment on column search.documents.level is
    'search.popularity_level(popularity): candidates are read from the highest level downwards.';
comment on column search.documents.tokens is
    'search.document_tokens(...): words of the name and of the context, each behind letters for kind and level.';

create table search.words (
    word text collate "C" primary key
);
comment on table search.words is
    'Every word of every name. A word stays when its last name goes: it costs a search nothing that is found no more.';
create index words_trigrams_idx on search.words using gin (word gin_trgm_ops) with (fastupdate = off);

create table search.word_deletions (
    deletion text collate "C" not null,
    word text collate "C" not null references search.words (word) on delete cascade,
    primary key (deletion, word)
);
comment on table search.word_deletions is
    'Each word with one letter left out, long words also with two: words that are a typo apart share an entry '
    '(symmetric deletion, as in Garbe''s SymSpell).';
create index word_deletions_word_idx on search.word_deletions (word);
