-- Begin a namespace for the serving model; its name, or null when one is being filled already.
select search.begin_mirror_namespace(:base) as name
