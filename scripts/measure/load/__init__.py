"""Many clients at once: what they wait, what goes wrong, and what happens when Postgres dies meanwhile."""
