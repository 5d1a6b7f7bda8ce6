-- What has been done to each track, by artist.
select * from search.processing_audit() p order by p.artist_handle, p.track_id
