-- Have every namespace dropped, and note no more changes.
with retired as (
    update search.mirror_namespaces set state = 'retired', retired_at = now() where state in ('filling', 'serving')
)
delete from search.mirror_changes
