-- Asked again under the row's lock: of many requests at once only one writes.
update search.tokens t set last_used_at = now()
where t.id = :id and (t.last_used_at is null or t.last_used_at < now() - interval '1 minute')
