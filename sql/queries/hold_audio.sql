select file_id from search.stored_audio where file_id = :file_id and file_type = :file_type for update
