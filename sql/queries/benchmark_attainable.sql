-- Which of the typed beginnings have the track that is meant among the most played labels that begin so: what an order by
-- plays could find. Places count from 1.
with typed as (
    select t.text, lower(t.item) as label, t.place
    from unnest(cast(:texts as text[]), cast(:items as text[])) with ordinality as t (text, item, place)
),
begun as (
    select lower(t.title) as label, max(t.play_count) as plays
    from public.tracks t
    where search.is_listed(t.visibility) and left(lower(t.title), :letters) in (select text from typed)
    group by lower(t.title)
)
select typed.place
from typed
join begun meant on meant.label = typed.label
where :depth > (select count(*) from begun better where starts_with(better.label, typed.text) and better.plays > meant.plays)
