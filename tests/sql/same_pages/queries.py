"""2,000 queries over the catalogue: what people type, and what breaks things."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from tests.sql.same_pages.catalogue import Catalogue, did, make_vector
from tests.sql.same_pages.names import OTHER_WORDS, Dice

_KINDS = ("track", "artist", "album", "tag", "playlist")

_ODD = ("", " ", "!!!", "%", "__", "\\", "' or 1=1 --", "🥝", "a", "zz", "qqxw zzkj", "the of and", "(live) 100%",
        "#1", "$1", "№5", "x" * 300, "ø")  # fmt: skip


@dataclass(frozen=True)
class Query:
    """Arguments of search.unified.

    Attributes:
        kind: Which of the makers below made it.
        q: What is typed; None for a search by sound alone.
        viewer: Who asks.
        types: Types wanted; None for all.
        most: Rows of each type at most.
        vector: Of the text, or None for a search by name alone.
        audibility: How much the text speaks of sound.
        min_confidence: Below it, results by sound are left out.
        candidates: Tracks that a mirror has named.
    """

    kind: str
    q: str | None
    viewer: str | None = None
    types: tuple[str, ...] | None = None
    most: int = 20
    vector: str | None = None
    audibility: float | None = None
    min_confidence: float = 0.2
    candidates: tuple[int, ...] | None = None

    def __str__(self) -> str:
        """What differs from the defaults, in one line; of a vector only that there is one."""
        differing = {
            "viewer": self.viewer, "types": self.types and ",".join(self.types),
            "most": self.most if self.most != 20 else None, "audibility": self.audibility,
            "min": self.min_confidence if self.min_confidence != 0.2 else None,
            "candidates": self.candidates and f"{self.candidates[0]}-{self.candidates[-1]}",
            "sound": self.vector and "yes",
        }  # fmt: skip
        said = "".join(f" {name}={value}" for name, value in differing.items() if value is not None)
        return f"{self.kind}: {self.q!r}{said}"


class _Texts:
    """Makes texts out of names that the catalogue has."""

    def __init__(self, catalogue: Catalogue, dice: Dice) -> None:
        self.catalogue = catalogue
        self.dice = dice
        self.makers: dict[str, tuple[int, Callable[[], str]]] = {
            "exact": (230, lambda: self._cased(self._name())),
            "prefix": (230, lambda: self._begun(self._name())),
            "word": (190, lambda: self.dice.pick(self._name().split())),
            "two words": (160, self._two_words),
            "word and begun": (160, lambda: self._begun(self._two_words())),
            "owner words": (200, self._owner_words),
            "typo": (160, lambda: self._misspelt(self._name(), 1)),
            "two typos": (70, lambda: self._misspelt(self._name(), 2)),
            "typo beside a word": (60, lambda: f"{self._misspelt(self._word(), 1)} {self._word()}"),
            "substring": (150, lambda: self._inner(self._name())),
            "common": (120, self._common),
            "other script": (70, lambda: self._begun(f"{self.dice.pick(OTHER_WORDS)} {self._word()}")),
            "odd": (len(_ODD), iter(_ODD).__next__),
            "unknown": (42, lambda: f"{self._word()} {self._word()} {self._word()} {self._word()}"),
        }

    def _name(self) -> str:
        kind = self.dice.below(10)
        if kind < 4:
            return self.dice.pick(self.catalogue.tracks).title
        if kind < 6:
            return self.dice.pick(self.catalogue.artists)[self.dice.below(2)]
        if kind < 8:
            return self.dice.pick(self.catalogue.albums)[1]
        return self.dice.pick(self.catalogue.tags) if kind == 8 else self.dice.pick(self.catalogue.playlists)[1]

    def _word(self) -> str:
        return self.catalogue.words[self.dice.skewed(len(self.catalogue.words))]

    def _cased(self, name: str) -> str:
        return self.dice.pick((name, name.lower(), name.upper(), f" {name}  "))

    def _begun(self, name: str) -> str:
        return name[: 1 + self.dice.below(max(1, len(name) - 1))]

    def _two_words(self) -> str:
        parts = self.dice.pick(self.catalogue.tracks).title.split()
        return f"{self.dice.pick(parts)} {self.dice.pick(parts)}".lower()

    def _owner_words(self) -> str:
        track = self.dice.pick(self.catalogue.tracks)
        owners = [*self.catalogue.artists[track.artist - 1], *(self.catalogue.tags[tag - 1] for tag in track.tags)]
        if track.album is not None:
            owners.append(self.catalogue.albums[track.album - 1][1])
        one, other = self.dice.pick(owners).split(), track.title.split()
        words = [self.dice.pick(one), self.dice.pick(other)]
        return self._begun_last(" ".join(words if self.dice.chance(0.5) else words[::-1]).lower())

    def _begun_last(self, text: str) -> str:
        return text[:-1] if self.dice.chance(0.3) and len(text) > 4 else text

    def _inner(self, name: str) -> str:
        word = max(name.split(), key=len)
        start = 1 + self.dice.below(2)
        return word[start : start + 3 + self.dice.below(3)] or word

    def _common(self) -> str:
        words = [self.catalogue.words[self.dice.below(12)] for _ in range(1 + self.dice.below(2))]
        return self._begun_last(" ".join(words))

    def _misspelt(self, name: str, typos: int) -> str:
        for _ in range(typos):
            place, letter = 1 + self.dice.below(max(1, len(name) - 2)), chr(97 + self.dice.below(26))
            name = self.dice.pick(
                (
                    name[:place] + name[place + 1 :],
                    name[:place] + letter + name[place:],
                    name[:place] + letter + name[place + 1 :],
                    name[:place] + name[place + 1 : place + 2] + name[place : place + 1] + name[place + 2 :],
                )
            )
        return name.lower()


def make_queries(catalogue: Catalogue, seed: int = 2) -> list[Query]:
    """The same catalogue and seed always give the same queries."""
    dice = Dice(seed)
    texts = _Texts(catalogue, dice)
    made = (Query(kind, make()) for kind, (count, make) in texts.makers.items() for _ in range(count))
    queries = [_varied(query, catalogue, dice) for query in made]
    queries += [_of_owner(catalogue, dice) for _ in range(1970 - len(queries))]
    queries += [_varied(Query("sound", None, vector=make_vector(dice)), catalogue, dice) for _ in range(30)]
    return queries


def _of_owner(catalogue: Catalogue, dice: Dice) -> Query:
    """By an artist who has private tracks, or by others who must not find them."""
    private = [track for track in catalogue.tracks if track.visibility == "private"]
    track = dice.pick(private)
    viewer = dice.pick((did(track.artist), did(track.artist), did(track.artist), did(track.artist % 300 + 1), None))
    vector = dice.pick((None, track.vector, make_vector(dice)))
    return Query("private", dice.pick((track.title, *track.title.split())), viewer=viewer, vector=vector)


def _varied(query: Query, catalogue: Catalogue, dice: Dice) -> Query:
    if dice.chance(0.25):
        wanted = tuple(kind for kind in _KINDS if dice.chance(0.5)) or ("track",)
        query = replace(query, types=wanted[::-1] if dice.chance(0.3) else wanted)
    if dice.chance(0.3):
        query = replace(query, most=dice.pick((1, 3, 5, 50)))
    if dice.chance(0.15):
        query = replace(query, viewer=did(1 + dice.skewed(len(catalogue.artists))))
    if dice.chance(0.4):
        query = replace(query, vector=make_vector(dice))
    if query.vector is not None and dice.chance(0.4):
        query = replace(query, audibility=dice.pick((0.0, 0.3, 0.9)), min_confidence=dice.pick((0.0, 0.05, 0.5)))
    if query.vector is not None and dice.chance(0.1):
        first = 1 + dice.below(700)
        query = replace(query, candidates=tuple(range(first, first + 90)))
    return query
