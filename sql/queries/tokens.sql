-- API tokens.

-- create_token: Insert a token.
insert into search.tokens (id, did, label, hash, scopes, expires_at)
values (:id, :did, :label, :hash, cast(:scopes as text[]), now() + make_interval(days => cast(:expires_days as integer)))
returning created_at, expires_at

-- find_token: A token by its public id, with its state, and whether its use should be recorded and can be.
select t.did, t.hash, t.scopes, t.expires_at,
       case when t.revoked_at is not null then 'revoked' when t.expires_at <= now() then 'expired' else 'valid' end as state,
       (t.last_used_at is null or t.last_used_at < now() - interval '1 minute')
           and current_setting('transaction_read_only') = 'off'
           and has_column_privilege('search.tokens', 'last_used_at', 'update') as mark
from search.tokens t
where t.id = :id

-- mark_token_used: Record that a token was used, once a minute at most.
-- one of many requests writes; the others do not wait for it, nor for a change of the token
update search.tokens t set last_used_at = now()
where t.id = (
    select u.id from search.tokens u
    where u.id = :id and (u.last_used_at is null or u.last_used_at < now() - interval '1 minute')
    for update skip locked
)

-- list_tokens: Tokens of one artist, or of all, the latest first, without their hashes.
select t.id, t.did, a.handle, t.label, t.scopes, t.created_at, t.expires_at, t.revoked_at, t.last_used_at,
       case when t.revoked_at is not null then 'revoked' when t.expires_at <= now() then 'expired' else 'valid' end as state
from search.tokens t
left join public.artists a on a.did = t.did
where cast(:did as text) is null or t.did = :did
order by t.created_at desc, t.id

-- revoke_tokens: Revoke a token or an artist's tokens; each with whether it was revoked by this.
-- a token that was revoked before keeps its time
update search.tokens t
set revoked_at = coalesce(t.revoked_at, now())
from (select b.id, b.revoked_at is null as revoked_now from search.tokens b where b.id = :id or b.did = :did) as before
where t.id = before.id
returning t.id, before.revoked_now

-- delete_labelled_tokens: Delete an artist's tokens with a label.
delete from search.tokens t where t.did = :did and t.label = :label
