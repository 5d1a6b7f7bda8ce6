-- How a name or a sound matched is a value with a name, in the order of the ranking. A tier that is added between two
-- others (alter type search.tier add value 'joined' before 'substring') changes no number, for there is none.

create type search.tier as enum ('exact', 'prefix', 'word_prefix', 'substring', 'fuzzy', 'sound');
comment on type search.tier is 'How an entity was found, the best first: docs/why/ranking.md.';

-- These take or return the former search.signal. They are made anew in the transaction of this migration.
drop function if exists search.ranked_page(text, halfvec, text, text[], integer, double precision, double precision, bigint[]);
drop function if exists search.signals(text, halfvec, text, text[], integer, double precision, double precision, bigint[]);
drop function if exists search.match_names(text, text[], text, integer);
drop function if exists search.match_rare_words(text[], text[], text, text, text[], text, integer);
drop function if exists search.match_common_words(text[], text, text, text[], text, integer);
drop function if exists search.match_roughly(text[], boolean, text, text[], text, integer);
drop function if exists search.match_any_level(text, text, smallint, text, text[], text, integer, boolean);
drop function if exists search.match_held(search.signal[], text, integer);
drop function if exists search.match_sounds(halfvec, text, integer, double precision, double precision, bigint[]);
drop function if exists search.lacking(text[], search.signal[], integer);
drop function if exists search.has_room(search.signal[], integer);
drop function if exists search.typo_class(smallint, real);
drop type search.signal;

create type search.signal as (
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
comment on type search.signal is 'One reason to list an entity; search.make_signal makes one.';
comment on column search.signal.field is 'What matched: a name of the entity, sound, or the kind of what holds it.';
comment on column search.signal.held is 'Whether a track is listed because of what holds it; such tracks come last in the tier.';
comment on column search.signal.class is 'Better first within a tier: search.whole_word() and so on, or search.typo_class().';
comment on column search.signal.quality is 'Relevance within the tier, 0 to 1.';
comment on column search.signal.popularity is 'ln(1 + plays or tracks), the tie-break.';
