"""Keeping a mirror of the vectors equal to the catalogue, and telling whether it is."""

from app.mirror.check import check_part
from app.mirror.comparison import Comparison, Difference, compare, record, repair
from app.mirror.follower import catch_up, follow, following
from app.mirror.health import inspect_mirror, require_mirror
from app.mirror.namespaces import Namespace, begin_rebuild, read_namespaces, retire_all
from app.mirror.state import MirrorState, count_tracks, read_state
from app.mirror.sync import MirrorSync

__all__ = [
    "Comparison",
    "Difference",
    "MirrorState",
    "MirrorSync",
    "Namespace",
    "begin_rebuild",
    "catch_up",
    "check_part",
    "compare",
    "count_tracks",
    "follow",
    "following",
    "inspect_mirror",
    "read_namespaces",
    "read_state",
    "record",
    "repair",
    "require_mirror",
    "retire_all",
]
