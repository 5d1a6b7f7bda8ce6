select search.refresh_common_words() as known
