"""How large a catalogue is, in everything that follows from its number of tracks."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Sizes:
    """How many of each entity: a million tracks have 100,000 artists and albums, 20,000 tags and 50,000 playlists."""

    tracks: int

    @property
    def artists(self) -> int:
        """One for ten tracks."""
        return max(1, self.tracks // 10)

    @property
    def albums(self) -> int:
        """One for ten tracks."""
        return max(1, self.tracks // 10)

    @property
    def tags(self) -> int:
        """One for fifty tracks."""
        return max(1, self.tracks // 50)

    @property
    def playlists(self) -> int:
        """One for twenty tracks."""
        return max(1, self.tracks // 20)

    @property
    def words(self) -> int:
        """Distinct words grow with the square root of the text (Heaps 1978)."""
        return int(60 * self.tracks**0.5)

    @property
    def styles(self) -> int:
        """Clusters of vectors."""
        return max(8, int(2 * self.tracks**0.5))
