-- Have the namespace dropped that serves: another is about to.
update search.mirror_namespaces set state = 'retired', retired_at = now() where state = 'serving'
