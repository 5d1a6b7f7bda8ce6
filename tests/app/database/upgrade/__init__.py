"""Databases of former versions, which this version upgrades."""
