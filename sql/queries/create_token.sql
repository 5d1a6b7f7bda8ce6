insert into search.tokens (id, did, label, hash, scopes, expires_at)
values (:id, :did, :label, :hash, cast(:scopes as text[]), now() + make_interval(days => cast(:expires_days as integer)))
returning created_at, expires_at
