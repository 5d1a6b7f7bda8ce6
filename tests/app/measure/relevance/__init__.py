"""Tests of the relevance harness."""
