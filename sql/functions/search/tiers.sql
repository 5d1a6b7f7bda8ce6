-- What the parts of a search hand to each other, and the names of what they say with it.

create or replace function search_internal.make_signal(
    kind text,
    key text,
    field text,
    tier search.tier,
    quality double precision,
    popularity double precision default 0,
    class integer default 0,
    held boolean default false,
    similarity real default null,
    confidence real default null
)
returns search_internal.signal
language sql immutable parallel safe
-- no call is left of it: the planner puts the row in its place
return row(kind, key, field, tier, held, class, quality::real, popularity::real, similarity, confidence)::search_internal.signal;
comment on function search_internal.make_signal(
    text, text, text, search.tier, double precision, double precision, integer, boolean, real, real) is
    'A reason to list an entity; name the arguments.';

create or replace function search_internal.whole_word() returns integer
language sql immutable parallel safe
return 0;
comment on function search_internal.whole_word() is 'Class of a name that has the last typed word as a whole.';

create or replace function search_internal.begun_word() returns integer
language sql immutable parallel safe
return 1;
comment on function search_internal.begun_word() is 'Class of a name in which the last typed word is only begun.';

create or replace function search_internal.context_word() returns integer
language sql immutable parallel safe
return 2;
comment on function search_internal.context_word() is
    'Class of a name that has one of the typed words, while the others are in the names of what the entity belongs to.';

create or replace function search_internal.typo_class(quality real) returns integer
language sql immutable strict parallel safe
return (10 * (1 - quality))::integer;
comment on function search_internal.typo_class(real) is
    'Class of a misspelt name, in tenths of what differs: one of which more was typed comes first, whatever its popularity.';
