"""Tests of the backfills."""
