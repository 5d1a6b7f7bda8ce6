-- Tokens of one artist, or all, the latest first; never their hashes.
select t.id, t.did, a.handle, t.label, t.scopes, t.created_at, t.expires_at, t.revoked_at, t.last_used_at,
       case when t.revoked_at is not null then 'revoked' when t.expires_at <= now() then 'expired' else 'valid' end as state
from search.tokens t
left join artists a on a.did = t.did
where cast(:did as text) is null or t.did = :did
order by t.created_at desc, t.id
