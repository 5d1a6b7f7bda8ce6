-- Every token named, with whether it could still be used; a token that was revoked before keeps its time.
update search.tokens t
set revoked_at = coalesce(t.revoked_at, now())
from (select b.id, b.revoked_at is null as revoked_now from search.tokens b where b.id = :id or b.did = :did) as before
where t.id = before.id
returning t.id, before.revoked_now
