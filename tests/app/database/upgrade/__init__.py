"""Databases of former versions, brought to this one."""
