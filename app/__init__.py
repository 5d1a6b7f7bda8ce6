"""The web process and the command line of vibe-search."""

__version__ = "0.1.0"
