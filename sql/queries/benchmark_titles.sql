-- Titles of all tracks in the order of their ids, which are 1, 2, 3 and so on.
select title from public.tracks order by id
