-- Have a namespace dropped.
update search.mirror_namespaces set state = 'retired', retired_at = now()
where generation = :generation and state in ('filling', 'serving')
