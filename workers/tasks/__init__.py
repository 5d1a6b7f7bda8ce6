"""The tasks of the queue, each a few lines around what it calls."""
