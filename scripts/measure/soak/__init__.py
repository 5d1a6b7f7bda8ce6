"""Wearing the whole out: real recordings, broken ones, many at once, and processes that are killed meanwhile."""
