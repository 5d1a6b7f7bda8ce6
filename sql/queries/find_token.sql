-- A token by its id, whatever it is worth, and who it speaks for.
select t.id, t.hash, t.did, t.scopes, t.expires_at, a.handle, a.display_name,
       t.revoked_at is null and coalesce(t.expires_at > now(), true) as valid,
       coalesce(t.used_at < now() - interval '1 hour', true) as use_is_news
from search.tokens t
left join artists a on a.did = t.did
where t.id = :id
