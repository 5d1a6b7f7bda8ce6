select search.fold_track_counts() as folded
