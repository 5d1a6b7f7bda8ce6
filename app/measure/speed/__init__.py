"""Speed and success of search on synthetic catalogues, beside what it replaces and what else there is."""
