"""What has been done to whose tracks, and whether the vectors are what they should be."""

from app.processing.audit.check import Difference, Kind, check_embeddings, compare_identities
from app.processing.audit.processing import ArtistAudit, ModelShare, TrackAudit, audit_artists, total
from app.processing.audit.run import run_audit

__all__ = [
    "ArtistAudit",
    "Difference",
    "Kind",
    "ModelShare",
    "TrackAudit",
    "audit_artists",
    "check_embeddings",
    "compare_identities",
    "run_audit",
    "total",
]
