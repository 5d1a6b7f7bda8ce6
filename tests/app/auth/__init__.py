"""Tests of tokens and scopes."""
