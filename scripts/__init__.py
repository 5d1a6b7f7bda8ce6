"""Conversions, dumps and benchmarks, run by hand."""
