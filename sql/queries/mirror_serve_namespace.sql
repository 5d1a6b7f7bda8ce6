-- Let the filled namespace serve.
update search.mirror_namespaces set state = 'serving', served_at = now() where generation = :generation and state = 'filling'
