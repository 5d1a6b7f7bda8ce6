"""Tests of services.viewer."""
