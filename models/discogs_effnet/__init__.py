"""Genres by the network discogs-effnet of Essentia."""

from models.discogs_effnet.model import DiscogsEffnet, PatchPlan, cut_patches

__all__ = ["DiscogsEffnet", "PatchPlan", "cut_patches"]
