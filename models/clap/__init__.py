"""CLAP: the model that serves; `models.clap.export` makes its files from a checkpoint."""

from models.clap.model import MOST_TOKENS, Clap

__all__ = ["MOST_TOKENS", "Clap"]
