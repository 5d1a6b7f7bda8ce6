-- Why tracks lack a vector in the serving model, as far as the database says.
select u.track_id, u.job_id is not null as pending, f.reason, f.permanent
from search.unprocessed_tracks('embed_track', permanent => true) u
left join search.job_failures f
    on f.track_id = u.track_id and f.file_id = u.file_id and f.task = 'embed_track' and f.model = u.model
