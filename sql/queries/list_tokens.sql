-- Never the hash.
select t.id, t.did, a.handle, t.label, t.scopes, t.created_at, t.expires_at, t.revoked_at, t.used_at,
       t.revoked_at is null and coalesce(t.expires_at > now(), true) as valid
from search.tokens t
left join artists a on a.did = t.did
where cast(:did as text) is null or t.did = :did
order by t.created_at desc, t.id
