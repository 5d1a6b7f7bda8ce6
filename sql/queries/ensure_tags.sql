-- In one order for everybody: two that add the same tags in different ones would wait for each other for ever.
insert into tags (name)
select name from unnest(cast(:names as text[])) as wanted (name) order by name
on conflict (name) do nothing
