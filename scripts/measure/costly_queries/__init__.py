"""Looking for the queries that cost the database most."""
