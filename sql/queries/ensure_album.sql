insert into albums (artist_did, title, slug)
values (:artist_did, :title, :slug)
on conflict (artist_did, slug) do update set slug = excluded.slug
returning id
