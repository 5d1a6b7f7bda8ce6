-- A token by its public id, whatever its state. `mark` says whether its use should be recorded, and can be: by a role that may, and not on a replica.
select t.did, t.hash, t.scopes, t.expires_at,
       case when t.revoked_at is not null then 'revoked' when t.expires_at <= now() then 'expired' else 'valid' end as state,
       (t.last_used_at is null or t.last_used_at < now() - interval '1 minute')
           and current_setting('transaction_read_only') = 'off'
           and has_column_privilege('search.tokens', 'last_used_at', 'update') as mark
from search.tokens t
where t.id = :id
