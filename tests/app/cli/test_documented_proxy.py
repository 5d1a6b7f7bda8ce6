"""The nginx of docs/how-to/production.md before two real `vibe-search serve`; what each documented one passes on."""

import asyncio
import hashlib
import json
import ssl
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime, timedelta
from http.client import HTTPSConnection
from pathlib import Path

import httpx2
import psycopg
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from app.auth import Scope, create_token
from app.database import Database, EmbeddedPostgres, connect
from tests.support.catalogue import Catalogue
from tests.support.databases import new_database
from tests.support.proxy import documented, free_port, needs_nginx, nginx, pages
from tests.support.recordings import excerpt, sample
from tests.support.served import SECONDS, served_search
from tests.support.session_app import SessionApp, session_app

PAGE = "docs/how-to/production.md"
HOST = "search.example"
FRONT = "https://plyr.example"
UPLOAD_MAX_BYTES = 1_000_000
NGINX_MAX_BYTES = 200 * 2**20
"""As `client_max_body_size` of both pages."""

STRANGER, OTHER_STRANGER, FOLLOWER = "127.0.0.9", "127.0.0.10", "127.0.0.11"
"""Clients with limits; those of 127.0.0.1 have none here."""

pytestmark = needs_nginx


def make_certificate(folder: Path) -> dict[str, str]:
    """A certificate of its own authority; the files by those that the page names."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    pem, encoding = folder / "search.example.pem", serialization.Encoding.PEM
    pem.write_bytes(certificate.public_bytes(encoding))
    private = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    pem.with_suffix(".key").write_bytes(key.private_bytes(encoding, *private))
    return {f"/etc/ssl/{pem.name}": str(pem), f"/etc/ssl/{pem.stem}.key": str(pem.with_suffix(".key"))}


class TwoProcesses:
    """Two processes of one database, which can be stopped and started again.

    Args:
        database: URL of their database.
        folder: Their data.
        settings: Theirs, by variable.
    """

    def __init__(self, database: str, folder: Path, settings: dict[str, str]) -> None:
        self._arguments = database, folder, settings
        self.ports = free_port(), free_port()
        self._running: dict[int, ExitStack] = {}

    def start(self, port: int) -> None:
        """Start one, and return when it answers."""
        with ExitStack() as stack:
            stack.enter_context(served_search(*self._arguments, port=port))
            self._running[port] = stack.pop_all()

    def stop(self, port: int) -> None:
        """Tell one to stop, and return when it has."""
        self._running.pop(port).close()

    def start_all(self) -> None:
        """Start both at once."""
        with ThreadPoolExecutor() as threads:
            list(threads.map(self.start, self.ports))

    def stop_all(self) -> None:
        """Stop what runs."""
        for port in list(self._running):
            self.stop(port)


@pytest.fixture(scope="module")
def database(server: EmbeddedPostgres, template: str) -> Iterator[str]:
    with new_database(server, template) as url:
        yield url


@pytest.fixture
def connection(database: str) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    with connect(database) as opened:
        opened.autocommit = True
        yield opened
        opened.execute("truncate tracks, artists cascade")


@pytest.fixture(scope="module")
def processes(database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TwoProcesses]:
    settings = {
        "VIEWER_HEADER": "X-Viewer-DID",
        "CORS_ORIGINS": FRONT,
        "UPLOAD_MAX_BYTES": str(UPLOAD_MAX_BYTES),
        "RATE_LIMIT_SEARCHES": "3",
        "RATE_LIMIT_EXEMPT": "127.0.0.1",
        "EVENT_STREAMS_PER_ADDRESS": "1",
    }
    two = TwoProcesses(database, tmp_path_factory.mktemp("data"), settings)
    try:
        two.start_all()
        yield two
    finally:
        two.stop_all()


@pytest.fixture(scope="module")
def address(processes: TwoProcesses, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Of nginx."""
    folder, port = tmp_path_factory.mktemp("nginx"), free_port()
    first, second = processes.ports
    addresses = {
        "listen 443 ssl;": f"listen 127.0.0.1:{port} ssl;",
        "127.0.0.1:8000 ": f"127.0.0.1:{first} ",
        "127.0.0.1:8001 ": f"127.0.0.1:{second} ",
    }
    with nginx(documented(PAGE, addresses | make_certificate(folder)), folder, port):
        yield f"https://127.0.0.1:{port}"


@contextmanager
def client_of(address: str, source: str = "127.0.0.1") -> Iterator[httpx2.Client]:
    """A client with an address of this machine."""
    transport = httpx2.HTTPTransport(verify=False, local_address=source)
    with httpx2.Client(transport=transport, base_url=address, headers={"host": HOST}, timeout=SECONDS) as client:
        yield client


@pytest.fixture
def client(address: str) -> Iterator[httpx2.Client]:
    with client_of(address) as opened:
        yield opened


@pytest.fixture
def uploader(database: str, catalogue: Catalogue) -> dict[str, str]:
    """Headers of an artist who may upload."""

    async def issue() -> str:
        async with Database.open(database, pool_size=1) as opened:
            return (await create_token(opened, catalogue.artist(), [Scope.UPLOAD])).token

    return {"authorization": f"Bearer {asyncio.run(issue())}"}


def upload(client: httpx2.Client, headers: dict[str, str], audio: bytes) -> httpx2.Response:
    return client.post("/tracks", headers=headers, data={"title": "Calm"}, files={"audio": ("calm.opus", audio)})


def test_audio_goes_in_and_comes_out(client: httpx2.Client, uploader: dict[str, str]) -> None:
    audio = sample("calm_acoustic_1").read_bytes()
    uploaded = upload(client, uploader, audio)
    assert uploaded.status_code == 201, uploaded.text
    assert client.get("/search/?q=calm&type=tracks").json()["results"][0]["title"] == "Calm"
    path = f"/audio/{uploaded.json()['file_id']}"
    whole = client.get(path)
    assert hashlib.sha256(whole.content).digest() == hashlib.sha256(audio).digest()
    middle = client.get(path, headers={"range": "bytes=100-299"})
    assert (middle.status_code, middle.content) == (206, audio[100:300])
    assert middle.headers["content-range"] == f"bytes 100-299/{len(audio)}"
    assert client.get(path, headers={"range": f"bytes={len(audio)}-"}).status_code == 416
    unchanged = client.get(path, headers={"if-none-match": whole.headers["etag"]})
    assert (unchanged.status_code, unchanged.content) == (304, b"")


def test_audio_that_is_too_large_is_refused_in_words(client: httpx2.Client, uploader: dict[str, str]) -> None:
    # the API refuses it before nginx has sent all of it, with and without a token
    for size in (UPLOAD_MAX_BYTES + 1, *range(5 * UPLOAD_MAX_BYTES, 30 * UPLOAD_MAX_BYTES, 5 * UPLOAD_MAX_BYTES)):
        for headers in (uploader, {}):
            refused = upload(client, headers, bytes(size))
            assert refused.status_code == 413, (size, refused.text)
            assert "UPLOAD_MAX_BYTES" in refused.json()["detail"][0]["msg"]
    just_below = upload(client, uploader, bytes(UPLOAD_MAX_BYTES - 1_000))
    assert just_below.status_code == 422, "it is read, and is no audio"


def test_nginx_refuses_by_its_length_alone_what_is_far_too_large(client: httpx2.Client) -> None:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    raw = HTTPSConnection(client.base_url.host, client.base_url.port, timeout=SECONDS, context=context)
    with closing(raw):
        raw.putrequest("POST", "/tracks")
        raw.putheader("content-length", str(NGINX_MAX_BYTES + 1))
        raw.endheaders()
        refused = raw.getresponse()
        assert (refused.status, refused.headers["content-type"]) == (413, "application/json")
        assert "client_max_body_size" in json.load(refused)["detail"][0]["msg"]


def test_no_client_is_believed(address: str, client: httpx2.Client, catalogue: Catalogue) -> None:
    me = catalogue.artist("me.example", "Me")
    catalogue.track("Secret Mine", artist=me, visibility="private")
    forged = {"x-viewer-did": me, "x-forwarded-for": "127.0.0.1", "x-forwarded-proto": "http"}
    assert client.get("/search/?q=secret", headers=forged).json()["results"] == []
    with client_of(address, STRANGER) as stranger:
        # whatever address it gives, its own requests are counted
        claims = ({"x-forwarded-for": f"127.0.0.1, 198.51.100.{number}"} for number in range(200))
        assert any(stranger.get("/search/?q=fern", headers=claim).status_code == 429 for claim in claims)
    with client_of(address, OTHER_STRANGER) as other:
        assert other.get("/search/?q=fern").status_code == 200
    assert client.get("/metrics").status_code == 403


def test_pages_of_other_origins_reach_it(client: httpx2.Client) -> None:
    asking = {"origin": FRONT, "access-control-request-method": "GET", "access-control-request-headers": "traceparent"}
    preflight = client.options("/search/", headers=asking)
    assert (preflight.status_code, preflight.headers["access-control-allow-origin"]) == (200, FRONT)
    answer = client.get("/search/?q=fern", headers={"origin": FRONT})
    assert answer.headers.get_list("access-control-allow-origin") == [FRONT]
    assert answer.headers["strict-transport-security"] == "max-age=31536000"
    refused = client.get("/search/?q=fern", headers={"origin": "https://evil.example"})
    assert "access-control-allow-origin" not in refused.headers


def test_events_go_out_as_they_happen(address: str, client: httpx2.Client, catalogue: Catalogue) -> None:
    track = catalogue.track("Calm")
    with client.stream("GET", f"/tracks/{track}/events") as answer:
        lines = answer.iter_lines()
        assert next(line for line in lines if line.startswith("event:")) == "event: track"
        catalogue.connection.execute("delete from tracks where id = %s", [track])
        assert "event: end" in lines
    waiting = catalogue.track("Calm")
    with client_of(address, FOLLOWER) as stranger, ExitStack() as open_streams:
        # one in each process; the count is of the client, not of nginx
        statuses = [
            open_streams.enter_context(stranger.stream("GET", f"/tracks/{waiting}/events")).status_code
            for _ in range(3)
        ]
    assert statuses.count(200) <= 2
    assert statuses[-1] == 429


def test_a_rolling_restart_loses_no_search(
    address: str, processes: TwoProcesses, client: httpx2.Client, catalogue: Catalogue, uploader: dict[str, str]
) -> None:
    catalogue.track("Fern")
    ended = threading.Event()

    def search() -> list[int]:
        statuses = []
        with client_of(address) as own:
            while not ended.is_set():
                answer = own.get("/search/?q=fern&type=tracks")
                statuses.append(answer.status_code)
                assert answer.status_code == 200, answer.text
                assert answer.json()["results"][0]["title"] == "Fern"
        return statuses

    audio = excerpt("calm_acoustic_1").read_bytes()
    with ThreadPoolExecutor() as threads:
        searching = [threads.submit(search) for _ in range(2)]
        try:
            # one directly after the other: nginx still remembers that the first was away
            for port in processes.ports:
                processes.stop(port)
                for _ in range(2):
                    # nothing was sent to the process that is away, so the other one may be asked
                    assert upload(client, uploader, audio).status_code == 201
                processes.start(port)
        finally:
            ended.set()
        assert all(one.result() for one in searching)


@pytest.fixture
def behind(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[tuple[httpx2.Client, SessionApp]]:
    """A client of a page's nginx, and what stands in the place of everything behind it, and tells what it was asked."""
    port = free_port()
    with session_app({}) as application:
        application.answer = lambda: (200, {"content-length": "0"}, b"")
        backend = application.address.removeprefix("http://")
        https = request.param == PAGE
        if https:
            addresses = {"listen 443 ": f"listen 127.0.0.1:{port} "} | make_certificate(tmp_path)
            addresses |= {"127.0.0.1:8000": backend, "127.0.0.1:8001": backend}
        else:
            addresses = {"listen 8080;": f"listen 127.0.0.1:{port};"}
            addresses |= {"127.0.0.1:8000": backend, "127.0.0.1:3000": backend}
        address = f"{'https' if https else 'http'}://127.0.0.1:{port}"
        with (
            nginx(documented(request.param, addresses), tmp_path, port),
            client_of(address, STRANGER) as client,
        ):
            yield client, application


@pytest.mark.parametrize("behind", sorted(pages()), indirect=True)
def test_every_location_tells_who_asks_and_how(behind: tuple[httpx2.Client, SessionApp]) -> None:
    client, application = behind
    claims = {"x-viewer-did": "did:plc:me", "x-forwarded-for": "198.51.100.1", "x-forwarded-proto": "gopher"}
    for path in ("/", "/search/?q=fern", "/tracks", "/tracks/1/events", "/audio/abc", "/readyz"):
        application.asked.clear()
        assert client.get(path, headers=claims).status_code == 200
        headers = dict(application.asked[-1])
        assert headers["host"] == HOST, path
        assert headers["x-forwarded-for"] == STRANGER, path
        assert headers["x-forwarded-proto"] == client.base_url.scheme, path
        assert "x-viewer-did" not in headers, path
        assert [name for name, _ in application.asked[-1]].count("x-forwarded-for") == 1
