"""Clients that hang up: their statements end in Postgres, on a real server with real sockets."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import httpx2
import psycopg
import pytest

from app.auth import Scope
from app.http.application import create_api
from app.providers import Providers
from app.settings import Settings
from tests.app.conftest import Issue, bearer
from tests.support.catalogue import Catalogue, direction
from tests.support.recordings import chirp, encode
from tests.support.serving import serving
from tests.support.statements import running, wait_until, waiting_for_locks

Connection = psycopg.Connection[Any]


@pytest.fixture
def site(settings: Settings, providers: Providers) -> Iterator[str]:
    """Address of the application, which has one connection for each share."""
    small = settings.model_copy(update={"database_pool_size": 5})
    with serving(create_api(str(settings.database_url), small, providers)) as address:
        yield address


@contextmanager
def held(database: str, statement: str) -> Iterator[Connection]:
    """A transaction that holds locks; ends with the block."""
    with psycopg.connect(database, application_name="holder") as holder:
        holder.execute(statement.encode())
        yield holder
        holder.rollback()


def hang_up(address: str, request: bytes, observer: Connection, clients: int = 1) -> None:
    """Send a request from each of some clients, close their connections once a statement waits, and see it end."""
    parts = urlsplit(address)
    sockets = [socket.create_connection((str(parts.hostname), int(parts.port or 0))) for _ in range(clients)]
    for one in sockets:
        one.sendall(request)
    wait_until(lambda: waiting_for_locks(observer) > 0)
    for one in sockets:
        one.close()
    wait_until(lambda: running(observer) == 0)


def as_request(method: str, address: str, **options: Any) -> bytes:
    """A request as it goes over the wire."""
    request = httpx2.Request(method, address, **options)
    head = f"{request.method} {request.url.raw_path.decode()} HTTP/1.1\r\n".encode()
    lines = b"".join(name + b": " + value + b"\r\n" for name, value in request.headers.raw)
    return head + lines + b"\r\n" + request.read()


@pytest.fixture
def observer(database: str) -> Iterator[Connection]:
    """Looks at what the others do, and belongs to none of them."""
    with psycopg.connect(database, autocommit=True, application_name="observer") as opened:
        yield opened


@pytest.mark.parametrize(
    "path",
    [
        "/search/?q=slow+tide",
        "/search/semantic?q=slow+tide",
        "/tracks/{track}",
        "/tracks/{track}/similar",
        "/tracks/{track}/match?q=slow+tide",
        "/tracks/{track}/recommended-tags",
    ],
)
def test_a_client_that_goes_away_takes_its_statement_along(
    database: str, catalogue: Catalogue, observer: Connection, site: str, path: str
) -> None:
    track = catalogue.track("Slow Tide")
    catalogue.embed(track, direction(0))
    address = site + path.format(track=track)
    with held(database, "lock table tracks in access exclusive mode"):
        hang_up(address, as_request("GET", address), observer)
    assert httpx2.get(f"{site}/tracks/{track}").status_code == 200
    figures = httpx2.get(f"{site}/metrics").text
    assert 'status="499"' in figures


def test_a_clip_is_read_to_its_end_before_its_client_is_watched(
    database: str, catalogue: Catalogue, observer: Connection, site: str
) -> None:
    catalogue.embed(catalogue.track("Slow Tide"), direction(0))
    address = f"{site}/search/by-audio"
    files = {"file": ("clip.mp3", encode(chirp(4.0, 44_100)[None], "mp3"))}
    with held(database, "lock table tracks in access exclusive mode"):
        hang_up(address, as_request("POST", address, files=files), observer)
    assert [hit["title"] for hit in httpx2.post(address, files=files).json()["results"]] == ["Slow Tide"]


def test_many_that_go_away_leave_the_pool_whole(
    database: str, catalogue: Catalogue, observer: Connection, site: str
) -> None:
    """Ten clients share one connection: those that wait for it give up their place too."""
    catalogue.track("Slow Tide")
    address = f"{site}/search/?q=slow+tide"
    with held(database, "lock table tracks in access exclusive mode"):
        hang_up(address, as_request("GET", address), observer, clients=10)
    for _ in range(3):
        assert [hit["title"] for hit in httpx2.get(address).json()["results"]] == ["Slow Tide"]
    sessions = "select count(*) from pg_stat_activity where datname = %s and application_name = 'vibe-search'"

    def count() -> int:
        row = observer.execute(sessions, [observer.info.dbname]).fetchone()
        assert row is not None
        return int(row[0])

    # one for each share, and the test's own
    wait_until(lambda: count() <= 5 + 1)


def test_a_change_is_made_even_if_its_client_goes_away(
    database: str, catalogue: Catalogue, observer: Connection, site: str, issue: Issue
) -> None:
    artist = catalogue.artist()
    track = catalogue.track("Slow Tide", artist=artist)
    address = f"{site}/tracks/{track}"
    request = as_request("PATCH", address, json={"title": "Quick Tide"}, headers=bearer(issue(artist, Scope.UPLOAD)))
    with held(database, "select from tracks for update") as holder:
        parts = urlsplit(site)
        with socket.create_connection((str(parts.hostname), int(parts.port or 0))) as client:
            client.sendall(request)
            wait_until(lambda: waiting_for_locks(observer) == 1)
        holder.rollback()
    wait_until(lambda: observer.execute("select from tracks where title = 'Quick Tide'").fetchone() is not None)


def test_a_search_with_a_body_that_is_too_large_is_refused(site: str, catalogue: Catalogue) -> None:
    """The watcher reads what the endpoint does not; the limit on bodies holds for it too."""
    catalogue.track("Slow Tide")
    answer = httpx2.request("GET", f"{site}/search/?q=slow+tide", content=b"x" * 70_000)
    assert answer.status_code == 413
    small = httpx2.request("GET", f"{site}/search/?q=slow+tide", content=b"x" * 1000)
    assert [hit["title"] for hit in small.json()["results"]] == ["Slow Tide"]
