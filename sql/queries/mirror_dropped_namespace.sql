-- Remember that a namespace is gone.
update search.mirror_namespaces set state = 'dropped' where generation = :generation
