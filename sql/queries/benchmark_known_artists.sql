-- Artists, all alike; the salt decides which.
select a.display_name
from public.artists a
order by md5(a.did || :salt)
limit :count
