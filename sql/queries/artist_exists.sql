select exists (select from artists where did = :did)
