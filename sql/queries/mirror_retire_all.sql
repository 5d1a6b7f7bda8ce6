-- Retire every namespace, and forget the changes.
select search.retire_mirror_namespaces()
