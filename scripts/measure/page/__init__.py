"""The page in a real browser: pictures of it, and how fast it shows what was searched for."""
