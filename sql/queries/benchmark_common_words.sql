-- The words that occur in most titles, by counting them.
select word
from (select lower(unnest(string_to_array(title, ' '))) as word from public.tracks) as words
group by word
order by count(*) desc, word
limit :count
