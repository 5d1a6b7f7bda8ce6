update search.tokens
set revoked_at = now()
where revoked_at is null
  and case when cast(:id as text) is not null then id = :id
           else did = :did and (cast(:label as text) is null or label = :label) end
returning id
