-- Whether there is to be a mirror at all.
select wanted from search.mirror_state
