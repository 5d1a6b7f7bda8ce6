-- Have the namespace dropped that serves, if the one that is to take its place still waits for that: a process that has lost its lock
-- without knowing must not retire what another has just let serve.
update search.mirror_namespaces set state = 'retired', retired_at = now()
where state = 'serving'
  and exists (select from search.mirror_namespaces f where f.generation = :generation and f.state = 'filling')
