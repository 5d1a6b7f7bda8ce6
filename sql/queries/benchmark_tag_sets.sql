-- Sets of three tags, as often drawn as they are used.
select array_agg(drawn.tag_id)
from (
    select tag_id, row_number() over (order by md5(track_id || '-' || tag_id)) as place
    from public.track_tags
) as drawn
where drawn.place <= 3 * :count
group by drawn.place % :count
having count(distinct drawn.tag_id) = 3
