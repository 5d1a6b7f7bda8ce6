-- Whether there is to be a mirror at all.
update search.mirror_state set wanted = :wanted
