insert into search.tokens (id, hash, did, label, scopes, expires_at)
values (:id, :hash, :did, :label, cast(:scopes as text[]), now() + make_interval(days => cast(:expires_days as integer)))
returning created_at, expires_at
