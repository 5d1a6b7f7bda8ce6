-- Let a filled namespace serve, in place of the one that does.
select search.serve_mirror_namespace(:generation) as served
