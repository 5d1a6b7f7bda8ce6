insert into artists (did, handle, display_name) values (:did, :handle, :display_name)
on conflict (did) do nothing
