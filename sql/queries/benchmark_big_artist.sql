-- An artist with a thousand tracks on a hundred albums, all called as others are.
with artist as (
    insert into public.artists (did, handle, display_name)
    values (:did, 'benchmark-of-renaming.example', 'Benchmark Of Renaming')
    returning did
),
albums as (
    insert into public.albums (artist_did, title, slug)
    select artist.did, copied.title, 'album-' || copied.id
    from artist, (select id, title from public.albums order by md5(id || 'big') limit 100) as copied
    returning id
),
numbered as (
    select id, row_number() over () as place, count(*) over () as albums from albums
),
copied as (
    -- a catalogue of a thousand tracks may lend fewer titles than a thousand
    select title, row_number() over () as place
    from (
        select title from public.tracks, generate_series(1, 2) as copy (n) order by md5(id || '-' || n) limit 1000
    ) as lent
)
insert into public.tracks (artist_did, album_id, title, file_id, file_type)
select artist.did, numbered.id, copied.title, repeat('f', 64), 'mp3'
from artist, copied
join numbered on numbered.place = 1 + copied.place % numbered.albums
