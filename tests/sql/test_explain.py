"""search.explain: every hit with each of its signals."""

from pgvector import HalfVector

from tests.support.catalogue import Catalogue, direction


def explain(catalogue: Catalogue, q: str | None, axis: int | None = None) -> list[dict[str, object]]:
    embedding = None if axis is None else HalfVector(direction(axis)).to_text()
    rows = catalogue.connection.execute(
        "select rank, type, label, tier, signal, signal_tier, signal_class, signal_rank, value, confidence, popularity "
        "from search.explain(%s, %s::halfvec)",
        [q, embedding],
    ).fetchall()
    names = ("rank", "type", "label", "tier", "signal", "signal_tier", "class", "signal_rank", "value", "confidence",
             "popularity")  # fmt: skip
    return [dict(zip(names, row, strict=True)) for row in rows]


def test_each_signal_of_each_hit(catalogue: Catalogue) -> None:
    catalogue.calibrate()
    artist = catalogue.artist("stone.example", "Stone")
    both = catalogue.track("Stonework", artist=artist, play_count=3)
    heard = catalogue.track("Elsewhere", artist=catalogue.artist("other.example", "Other"))
    catalogue.embed(both, direction(2, lean=0.5))
    catalogue.embed(heard, direction(2))
    rows = explain(catalogue, "stone", axis=2)
    said = [
        (row["rank"], row["label"], row["tier"], row["signal"], row["signal_tier"], row["signal_rank"]) for row in rows
    ]
    assert said == [
        (1, "Stone", "exact", "display_name", "exact", 1),
        (1, "Stone", "exact", "handle", "prefix", 1),
        (2, "Stonework", "exact", "artist", "exact, held by it", 1),
        (2, "Stonework", "exact", "title", "prefix", 1),
        (2, "Stonework", "exact", "sound", "sound", 2),
        (3, "Elsewhere", "sound", "sound", "sound", 1),
    ]


def test_it_explains_the_very_page(catalogue: Catalogue) -> None:
    for number in range(30):
        track = catalogue.track(f"River {number}", play_count=number, tags=("river bank",))
        catalogue.embed(track, direction(4, lean=number / 10))
    catalogue.track("Understated Driver")
    for q, axis in (("river", 4), (None, 4), ("rivers", None), ("no such thing", 4)):
        embedding = None if axis is None else HalfVector(direction(axis)).to_text()
        page = [row["label"] for row in catalogue.search(q, query_embedding=embedding)]
        explained = list(dict.fromkeys((row["rank"], row["label"]) for row in explain(catalogue, q, axis)))
        assert [label for _, label in explained] == page
        assert [rank for rank, _ in explained] == list(range(1, len(page) + 1))
