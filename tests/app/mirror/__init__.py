"""The mirror: told everything, once, in the right order, whatever happens."""
