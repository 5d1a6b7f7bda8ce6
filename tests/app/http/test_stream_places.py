"""How many streams of events are open at the same time."""

from contextlib import ExitStack

import pytest

from app.http.client_address import read_networks
from app.http.stream_places import StreamPlaces, StreamsFullError


def scope(address: str | None) -> dict[str, object]:
    return {"type": "http", "client": None if address is None else (address, 1)}


def test_an_address_has_its_share_and_gives_it_back() -> None:
    places = StreamPlaces(total=10, per_address=1)
    with places.take(scope("10.0.0.1")):
        with pytest.raises(StreamsFullError) as refused, places.take(scope("10.0.0.1")):
            pass
        assert refused.value.of_address
        with places.take(scope("10.0.0.2")):
            pass
    with places.take(scope("10.0.0.1")):
        pass


def test_a_site_and_what_is_not_readable_count_as_one() -> None:
    places = StreamPlaces(total=10, per_address=1)
    for one, other in (("2001:db8::1", "2001:db8::2"), ("unknown", "_hidden")):
        with places.take(scope(one)), pytest.raises(StreamsFullError), places.take(scope(other)):
            pass


def test_exempt_networks_only_count_in_all() -> None:
    places = StreamPlaces(total=3, per_address=1, exempt=read_networks("10.0.0.0/8"))
    with ExitStack() as taken:
        for address in ("10.0.0.1", "10.0.0.1", None):
            taken.enter_context(places.take(scope(address)))
        with pytest.raises(StreamsFullError) as refused, places.take(scope("192.0.2.1")):
            pass
    assert not refused.value.of_address
