-- The newest version that was given out.
select last_value from search.mirror_versions
