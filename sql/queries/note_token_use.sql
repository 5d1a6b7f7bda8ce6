update search.tokens set used_at = now() where id = :id
