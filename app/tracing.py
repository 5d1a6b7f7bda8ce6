"""Spans of OpenTelemetry, where its packages are installed (the extra `otel`) and an exporter is configured.

Without them a span is an empty block. No span holds what was searched for.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol

from app.errors import UserError

_ASKED_FOR = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")


class Span(Protocol):
    """What may be said of a span."""

    def set_attribute(self, key: str, value: str | int | float) -> None:
        """Note something that was only known later."""

    def update_name(self, name: str) -> None:
        """Call it otherwise."""


class _NoSpan:
    def set_attribute(self, key: str, value: str | int | float) -> None:
        """Nothing."""

    def update_name(self, name: str) -> None:
        """Nothing."""


_NO_SPAN = _NoSpan()
_tracer: Any = None


def configure_tracing(service: str) -> None:
    """Send spans to the collector of OTEL_EXPORTER_OTLP_ENDPOINT; without that setting there are none.

    The SDK reads its own variables: OTEL_SERVICE_NAME, OTEL_TRACES_SAMPLER, OTEL_EXPORTER_OTLP_HEADERS and the rest.

    Args:
        service: Name of this process, unless OTEL_SERVICE_NAME has one.

    Raises:
        UserError: A collector is configured, and the packages are missing.
    """
    if not any(os.environ.get(name) for name in _ASKED_FOR):
        return
    try:
        # optional, and slow to import
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415
        from opentelemetry.sdk.resources import SERVICE_NAME, Resource  # noqa: PLC0415
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415
    except ImportError as error:
        raise UserError(
            "OTEL_EXPORTER_OTLP_ENDPOINT is set without OpenTelemetry: install the extra otel, or unset it"
        ) from error
    named = {} if os.environ.get("OTEL_SERVICE_NAME") else {SERVICE_NAME: service}
    provider = TracerProvider(resource=Resource.create(named))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    use_tracer(provider)


def use_tracer(provider: Any) -> None:  # noqa: ANN401 - of a package that may be absent
    """Make spans by a provider of OpenTelemetry; by none with None."""
    global _tracer  # noqa: PLW0603 - as a process has one log, it has one tracer
    _tracer = None if provider is None else provider.get_tracer("vibe_search")


@contextmanager
def span(name: str, attributes: Mapping[str, str | int | float] | None = None) -> Iterator[Span]:
    """A block as a span, below the one that it is in.

    Args:
        name: What is done.
        attributes: About it.
    """
    if _tracer is None:
        yield _NO_SPAN
        return
    with _tracer.start_as_current_span(name, attributes=attributes) as current:
        yield current
