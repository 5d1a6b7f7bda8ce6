"""search.unified, as a DBA calls it in psql."""

import psycopg
import pytest
from pgvector import HalfVector

from tests.support.catalogue import Catalogue, direction


def vector(axis: int, lean: float = 0.0) -> str:
    return HalfVector(direction(axis, lean=lean)).to_text()


def test_tiers_come_in_order(catalogue: Catalogue) -> None:
    catalogue.calibrate()
    for title in ("Understone", "Stoen", "Mill Stone Lane", "Stone", "Stonework"):
        catalogue.track(title, play_count=1000 if title == "Stoen" else 0)
    sounding = catalogue.track("Elsewhere", play_count=10_000)
    catalogue.embed(sounding, direction(0))
    found = catalogue.search("stone", query_embedding=vector(0))
    assert [(row["label"], row["tier"]) for row in found] == [
        ("Stone", "exact"),
        ("Stonework", "prefix"),
        ("Mill Stone Lane", "word_prefix"),
        ("Understone", "substring"),
        ("Stoen", "fuzzy"),
        ("Elsewhere", "sound"),
    ]


def test_popularity_breaks_ties(catalogue: Catalogue) -> None:
    plays = {catalogue.track("Same Name", play_count=count): count for count in (3, 500, 20)}
    found = catalogue.search("same name")
    assert [plays[int(row["key"])] for row in found] == [500, 20, 3]


def test_name_and_sound_make_one_row_saying_both(catalogue: Catalogue) -> None:
    catalogue.calibrate()
    both = catalogue.track("Piano Study")
    catalogue.embed(both, direction(3))
    catalogue.embed(catalogue.track("Unrelated"), direction(3, lean=0.5))
    found = catalogue.search("piano study", query_embedding=vector(3))
    assert [row["label"] for row in found] == ["Piano Study", "Unrelated"]
    assert found[0]["tier"] == "exact"
    assert found[0]["matched"] == ["sound", "title"]
    assert found[0]["similarity"] == pytest.approx(1.0, abs=1e-3)
    assert found[1]["matched"] == ["sound"]
    assert found[1]["similarity"] == pytest.approx(0.894, abs=1e-3)


def test_sound_leads_when_nothing_matches_by_name(catalogue: Catalogue) -> None:
    catalogue.calibrate()
    for number in range(4):
        catalogue.embed(catalogue.track(f"Number {number}"), direction(5, lean=number))
    assert catalogue.labels("rain on tin", query_embedding=vector(5)) == [f"Number {number}" for number in range(4)]


def test_every_kind_is_found_and_hydrated(catalogue: Catalogue) -> None:
    artist = catalogue.artist("fernwood.example", "Fernwood Trio")
    album = catalogue.album("Fern Atlas", artist)
    track = catalogue.track("Fern Index", artist=artist, album_id=album, tags=("ferns",))
    catalogue.playlist("Fern Shelf", [track])
    found = {row["type"]: row["details"] for row in catalogue.search("fern")}
    assert found.keys() == {"track", "artist", "album", "tag", "playlist"}
    assert found["track"]["artist_display_name"] == "Fernwood Trio"
    assert found["track"]["album_title"] == "Fern Atlas"
    assert found["artist"]["handle"] == "fernwood.example"
    assert found["album"]["slug"] == "fern atlas"
    assert found["tag"]["track_count"] == 1
    assert found["playlist"]["track_count"] == 1


def test_artist_found_by_two_names_appears_once(catalogue: Catalogue) -> None:
    catalogue.artist("maritime.example", "Maritime")
    found = catalogue.search("maritime")
    assert [row["type"] for row in found] == ["artist"]
    assert found[0]["tier"] == "exact"


def test_tracks_stand_under_the_artist_that_was_found(catalogue: Catalogue) -> None:
    artist = catalogue.artist("kestle.example", "Tobias Kestle")
    catalogue.track("Junction", artist=artist, play_count=10)
    catalogue.track("Platform", artist=artist, play_count=20)
    catalogue.track("Castle", artist=catalogue.artist("other.example", "Other"), play_count=9999)
    found = catalogue.search("tobias kestle")
    assert [(row["type"], row["label"], row["matched"]) for row in found] == [
        ("artist", "Tobias Kestle", ["display_name"]),
        ("track", "Platform", ["artist"]),
        ("track", "Junction", ["artist"]),
    ]


def test_names_come_before_tracks_of_a_tag_or_a_begun_name(catalogue: Catalogue) -> None:
    catalogue.track("Lichen", tags=("moss",), play_count=900)
    catalogue.track("Bark", album_id=catalogue.album("Mosses of Hitra"), play_count=800)
    catalogue.track("A Moss Garden", play_count=5)
    catalogue.track("Mossy Stone", tags=("moss",), play_count=4)
    catalogue.playlist("Fern and Moss", [1])
    found = [(row["label"], row["tier"]) for row in catalogue.search("moss")]
    assert found == [
        ("moss", "exact"),
        ("Mossy Stone", "prefix"),
        ("Mosses of Hitra", "prefix"),
        ("A Moss Garden", "word_prefix"),
        ("Fern and Moss", "word_prefix"),
        ("Lichen", "word_prefix"),
        ("Bark", "word_prefix"),
    ]


@pytest.mark.parametrize("holder", ["artist", "album"])
def test_tracks_stay_under_a_whole_name(catalogue: Catalogue, holder: str) -> None:
    """The whole name of an artist or an album says that it is meant."""
    if holder == "artist":
        catalogue.track("Bark", artist=catalogue.artist("green.example", "Moss"))
    else:
        catalogue.track("Bark", album_id=catalogue.album("Moss"))
    catalogue.track("Mossy Stone", play_count=900)
    found = [(row["label"], row["tier"]) for row in catalogue.search("moss")]
    assert found == [("Moss", "exact"), ("Bark", "exact"), ("Mossy Stone", "prefix")]


@pytest.mark.parametrize("most", [1, 2, 3])
def test_a_full_page_of_names_has_no_tracks_of_a_tag(catalogue: Catalogue, most: int) -> None:
    for number in range(2):
        catalogue.track(f"Tagged {number}", tags=("moss",), play_count=100 - number)
        catalogue.track(f"A Moss Garden {number}", play_count=10 - number)
    everything = [row for row in catalogue.search("moss") if row["type"] == "track"]
    assert [row["label"] for row in everything] == ["A Moss Garden 0", "A Moss Garden 1", "Tagged 0", "Tagged 1"]
    assert [row for row in catalogue.search("moss", max_per_type=most) if row["type"] == "track"] == everything[:most]


@pytest.mark.parametrize(
    ("title", "query"),
    [
        ("Beyoncé", "beyonce"),
        ("Don’t Stop", "don't stop"),
        ("Don’t Stop", "dont stop"),
        ("Lo-Fi Beats", "lo fi beats"),
        ("Ｆｕｌｌ Ｗｉｄｔｈ", "full width"),
        ("Карта озера", "КАРТА  ОЗЕРА"),
        ("地図と台所", "地図と台所"),
        ("Ελλάδα", "ελλαδα"),
        ("مرحبا", "مرحبا"),
        ("🥝🥝", "🥝🥝"),
        ("!!!", "!!!"),
    ],
)
def test_spelling_variants_are_exact(catalogue: Catalogue, title: str, query: str) -> None:
    catalogue.track(title)
    assert [(row["label"], row["tier"]) for row in catalogue.search(query)] == [(title, "exact")]


@pytest.mark.parametrize(("title", "part"), [("地図と台所", "台所"), ("Карта озера", "озер"), ("Żurek", "zu")])
def test_parts_of_titles_in_any_script_are_found(catalogue: Catalogue, title: str, part: str) -> None:
    catalogue.track(title)
    assert title in catalogue.labels(part)


@pytest.mark.parametrize("typo", ["theodolyte", "tehodolite", "theodolit", "theodollite"])
def test_one_typo_is_forgiven(catalogue: Catalogue, typo: str) -> None:
    catalogue.track("Theodolite")
    catalogue.track("Tributaries")
    assert catalogue.labels(typo) == ["Theodolite"]


@pytest.mark.parametrize("query", ["100%", "a_b", "c:\\d", "%%", "__", "' or 1=1 --", "'; drop table tracks; --", "\\"])
def test_wildcards_and_fragments_are_letters(catalogue: Catalogue, query: str) -> None:
    catalogue.track("Plain")
    assert catalogue.labels(query) == []
    wild = catalogue.track(query)
    assert [row["key"] for row in catalogue.search(query)] == [str(wild)]


def test_private_rows_are_for_their_owner_alone(catalogue: Catalogue) -> None:
    catalogue.calibrate()
    artist = catalogue.artist("owner.example", "Owner")
    album = catalogue.album("Secret Album", artist)
    secret = catalogue.track("Secret Take", artist=artist, visibility="private", album_id=album, tags=("secret tag",))
    catalogue.embed(secret, direction(7))
    catalogue.playlist("Secret List", [secret], owner_did=artist, visibility="private")
    for viewer in (None, "did:plc:stranger"):
        assert catalogue.search("secret", query_embedding=vector(7), viewer=viewer) == []
    found = catalogue.search("secret", query_embedding=vector(7), viewer=artist)
    assert {row["label"] for row in found} == {"Secret Take", "Secret Album", "Secret List"}
    assert "sound" in next(row["matched"] for row in found if row["label"] == "Secret Take")


def test_unlisted_rows_are_never_found(catalogue: Catalogue) -> None:
    artist = catalogue.artist("owner.example", "Owner")
    hidden = catalogue.track("Hidden Take", artist=artist, visibility="unlisted", tags=("hidden tag",))
    catalogue.embed(hidden, direction(7))
    assert catalogue.search("hidden", query_embedding=vector(7), viewer=artist) == []
    assert catalogue.labels("owner", viewer=artist) == ["Owner"]


def test_hidden_rows_never_make_a_page_short(catalogue: Catalogue) -> None:
    for number in range(60):
        hidden = catalogue.track(f"River {number}", visibility="private", play_count=1000)
        catalogue.embed(hidden, direction(2))
    for number in range(5):
        catalogue.embed(catalogue.track(f"River Public {number}"), direction(2, lean=0.9))
    by_name = catalogue.labels("river", max_per_type=5)
    by_sound = catalogue.labels(None, query_embedding=vector(2), max_per_type=5)
    assert len(by_name) == len(by_sound) == 5
    assert all("Public" in label for label in by_name + by_sound)


def test_types_and_limit(catalogue: Catalogue) -> None:
    artist = catalogue.artist("fern.example", "Fern")
    for number in range(8):
        catalogue.track(f"Fern {number}", artist=artist, tags=(f"fern {number}",))
    found = catalogue.search("fern", types=["track", "tag"], max_per_type=3)
    assert [row["type"] for row in found].count("track") == 3
    assert [row["type"] for row in found].count("tag") == 3
    assert {row["type"] for row in found} == {"track", "tag"}


def test_changes_are_searchable_at_once(
    catalogue: Catalogue, connection: psycopg.Connection[tuple[object, ...]]
) -> None:
    artist = catalogue.artist("before.example", "Before")
    album = catalogue.album("Some Album", artist)
    track = catalogue.track("Early Draft", artist=artist, album_id=album, tags=("some tag",))
    connection.execute("update tracks set title = 'Final Harvest' where id = %s", [track])
    assert catalogue.labels("early draft") == []
    assert catalogue.labels("final harvest") == ["Final Harvest"]
    connection.execute("update artists set display_name = 'Afterwards' where did = %s", [artist])
    assert catalogue.labels("afterwards") == ["Afterwards", "Final Harvest"]
    connection.execute("update tracks set visibility = 'private' where id = %s", [track])
    assert catalogue.labels("final harvest") == []
    assert catalogue.labels("some album") == []
    assert catalogue.labels("some tag") == []
    connection.execute("update tracks set visibility = 'public' where id = %s", [track])
    assert catalogue.labels("some album") == ["Some Album", "Final Harvest"]
    connection.execute("delete from tracks where id = %s", [track])
    assert catalogue.labels("final harvest") == []
    assert catalogue.labels("some tag") == []
    connection.execute("delete from artists where did = %s", [artist])
    assert connection.execute("select count(*) from search.documents where listed or owner is not null").fetchone() == (
        0,
    )


def test_hiding_a_track_hides_its_vector(
    catalogue: Catalogue, connection: psycopg.Connection[tuple[object, ...]]
) -> None:
    track = catalogue.track("Turning Private")
    catalogue.embed(track, direction(1))
    assert catalogue.labels(None, query_embedding=vector(1)) == ["Turning Private"]
    connection.execute("update tracks set visibility = 'private' where id = %s", [track])
    nearest = "select track_id from search.nearest_tracks(%s::halfvec, %s)"
    assert connection.execute(nearest, [vector(1), None]).fetchall() == []
    owner = catalogue.artist()
    assert connection.execute(nearest, [vector(1), owner]).fetchall() == [(track,)]


def test_a_vector_of_another_size_is_refused_in_words(catalogue: Catalogue) -> None:
    catalogue.calibrate()
    with pytest.raises(psycopg.DataError, match=r"has 3 dimensions, the serving model .* has 100"):
        catalogue.search("anything", query_embedding="[1,2,3]")


def test_text_alone_is_the_keyword_half(catalogue: Catalogue) -> None:
    catalogue.embed(catalogue.track("Warm Acoustic Guitar"), direction(0))
    catalogue.embed(catalogue.track("Other"), direction(0))
    found = catalogue.search("warm acoustic guitar")
    assert [(row["label"], row["similarity"]) for row in found] == [("Warm Acoustic Guitar", None)]
