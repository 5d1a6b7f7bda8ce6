select * from search.take_unused_audio(cast(:unused_for as interval))
