"""A copy of what is searchable, kept elsewhere."""

from services.vector_mirror.errors import (
    DocumentsRefusedError,
    MirrorError,
    MirrorRefusedError,
    MirrorUnavailableError,
    NamespaceMissingError,
)
from services.vector_mirror.in_memory import InMemoryMirror
from services.vector_mirror.none import NoMirror
from services.vector_mirror.protocol import (
    Document,
    Entry,
    NamespaceSummary,
    Neighbour,
    Removal,
    VectorMirror,
)

__all__ = [
    "Document",
    "DocumentsRefusedError",
    "Entry",
    "InMemoryMirror",
    "MirrorError",
    "MirrorRefusedError",
    "MirrorUnavailableError",
    "NamespaceMissingError",
    "NamespaceSummary",
    "Neighbour",
    "NoMirror",
    "Removal",
    "VectorMirror",
]
