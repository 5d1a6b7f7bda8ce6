"""Spans, as a collector gets them from the real exporter."""

import asyncio
import json
import logging
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from app.errors import UserError
from app.observability.log import configure_service_log
from app.observability.tracing import configure_tracing, span, use_tracer
from app.providers import Providers
from app.settings import Settings
from tests.app.conftest import open_client
from tests.support.catalogue import Catalogue
from tests.support.recordings import excerpt
from workers.app import run_worker


class Collector:
    """Receives spans over HTTP, on loopback."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self.services: set[str] = set()
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                if self.headers.get("content-encoding") == "gzip":
                    import gzip

                    body = gzip.decompress(body)
                request = ExportTraceServiceRequest.FromString(body)
                for resource in request.resource_spans:
                    named = {item.key: item.value.string_value for item in resource.resource.attributes}
                    collector.services.add(named["service.name"])
                    for scope in resource.scope_spans:
                        collector.spans += scope.spans
                self.send_response(200)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_arguments: object) -> None:
                """Nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}"

    def by_name(self, name: str) -> Span:
        found = [one for one in self.spans if one.name == name]
        assert len(found) == 1, [one.name for one in self.spans]
        return found[0]


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    found = Collector()
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", found.address)
    # each span is sent almost at once
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "50")
    configure_tracing("of a test")
    yield found
    use_tracer(None)
    found.server.shutdown()
    found.server.server_close()


def flush() -> None:
    from app.observability import tracing

    tracing._tracer.span_processor.force_flush()  # noqa: SLF001 - the SDK's own, of the tracer that is in use


def test_a_search_is_a_request_with_its_vector_and_its_statement(
    settings: Settings, providers: Providers, collector: Collector
) -> None:
    async def steps() -> None:
        async with open_client(settings.model_copy(update={"semantic_deadline_seconds": 10.0}), providers) as client:
            assert (await client.get("/search/", params={"q": "something private"})).status_code == 200

    asyncio.run(steps())
    flush()
    request = collector.by_name("GET /search/")
    assert not request.parent_span_id
    for name in ("vector", "statement"):
        assert collector.by_name(name).parent_span_id == request.span_id
        assert collector.by_name(name).trace_id == request.trace_id
    attributes = {item.key: item.value for item in request.attributes}
    assert attributes["http.response.status_code"].int_value == 200
    assert collector.services == {"of a test"}
    assert b"private" not in b"".join(one.SerializeToString() for one in collector.spans)


def test_a_request_belongs_to_the_trace_of_who_asks(
    settings: Settings, providers: Providers, collector: Collector
) -> None:
    trace, parent = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"

    async def steps() -> str:
        async with open_client(settings, providers) as client:
            answer = await client.get("/healthz", headers={"traceparent": f"00-{trace}-{parent}-01"})
            return answer.headers["x-request-id"]

    request_id = asyncio.run(steps())
    flush()
    request = collector.by_name("GET /healthz")
    assert (request.trace_id.hex(), request.parent_span_id.hex()) == (trace, parent)
    assert request.kind == Span.SPAN_KIND_SERVER
    attributes = {item.key: item.value.string_value for item in request.attributes}
    assert attributes["request_id"] == request_id
    assert attributes["http.route"] == "/healthz"


def test_a_failure_is_marked_and_not_told(
    settings: Settings, providers: Providers, catalogue: Catalogue, collector: Collector
) -> None:
    """What Postgres says of a statement holds its parameters."""
    catalogue.connection.execute("alter table search.documents rename to elsewhere")

    async def steps() -> int:
        async with open_client(settings, providers) as client:
            return (await client.get("/search/", params={"q": "something private"})).status_code

    assert asyncio.run(steps()) == 500
    flush()
    for name in ("GET /search/", "statement"):
        found = collector.by_name(name)
        assert found.status.code == Status.STATUS_CODE_ERROR
        assert not found.events
        assert {item.value.string_value for item in found.attributes if item.key == "error.type"} == {
            "ProgrammingError"
        }
    assert b"private" not in b"".join(one.SerializeToString() for one in collector.spans)


def test_what_is_answered_without_postgres_has_failed_too(
    tmp_path: Path, providers: Providers, collector: Collector
) -> None:
    settings = Settings(_env_file=None, database_url="postgresql://nobody@127.0.0.1:1/none", data_dir=tmp_path)

    async def steps() -> None:
        async with open_client(settings, providers) as client:
            assert (await client.get("/search/", params={"q": "anything"})).status_code == 503

    asyncio.run(steps())
    flush()
    assert collector.by_name("GET /search/").status.code == Status.STATUS_CODE_ERROR


def test_lines_of_the_log_name_their_trace(
    settings: Settings, providers: Providers, collector: Collector, capsys: pytest.CaptureFixture[str]
) -> None:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    try:
        configure_service_log(settings.model_copy(update={"log_level": "info", "log_format": "json"}))

        async def steps() -> None:
            async with open_client(settings, providers) as client:
                await client.get("/healthz")

        asyncio.run(steps())
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
    flush()
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    [line] = [line for line in lines if line["logger"] == "vibe_search.requests"]
    assert line["trace_id"] == collector.by_name("GET /healthz").trace_id.hex()


def test_a_job_is_a_span(settings: Settings, providers: Providers, catalogue: Catalogue, collector: Collector) -> None:
    with excerpt("calm_acoustic_1").open("rb") as audio:
        stored = providers.audio_store.put(audio, "opus")
    catalogue.track("Secret title", file_id=stored.file_id, file_type="opus")
    asyncio.run(run_worker(str(settings.database_url), settings, providers, wait=False))
    flush()
    tasks = {
        item.value.string_value
        for one in collector.spans
        if one.name == "job"
        for item in one.attributes
        if item.key == "task"
    }
    assert tasks == {"embed_track", "classify_genres"}
    assert b"Secret" not in b"".join(one.SerializeToString() for one in collector.spans)


def test_a_protocol_that_is_not_spoken_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4317")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")
    with pytest.raises(UserError, match=r"OTEL_EXPORTER_OTLP_PROTOCOL=grpc: .* unset it"):
        configure_tracing("of a test")


def test_without_a_collector_there_is_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OTEL_EXPORTER_OTLP_ENDPOINT", raising=False)
    monkeypatch.setitem(__import__("sys").modules, "opentelemetry.sdk.trace", None)
    configure_tracing("of a test")
    with span("anything", {"a": 1}) as current:
        current.set_attribute("b", 2)
        current.update_name("other")


def test_a_collector_without_the_packages_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
    monkeypatch.setitem(__import__("sys").modules, "opentelemetry.sdk.trace", None)
    with pytest.raises(UserError, match="install the extra otel, or unset it"):
        configure_tracing("of a test")
