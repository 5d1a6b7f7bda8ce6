-- Namespaces that were dropped not long ago.
select n.name from search.mirror_namespaces n where n.state = 'dropped' and n.retired_at > now() - cast(:within as interval)
