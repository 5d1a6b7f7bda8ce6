"""Spans of OpenTelemetry, where its packages are installed (the extra `otel`) and an exporter is configured.

Without them a span is an empty block. No span holds what was searched for, nor the text of an error, which might.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol

from app.errors import UserError

_ASKED_FOR = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
_PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
_SPOKEN = "http/protobuf"


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
        UserError: A collector is configured, and the packages are missing or do not speak its protocol.
    """
    if not any(os.environ.get(name) for name in _ASKED_FOR) or os.environ.get("OTEL_TRACES_EXPORTER") == "none":
        return
    for name in _PROTOCOLS:
        # a variable that a container was handed without a value is empty
        if (os.environ.get(name) or _SPOKEN) != _SPOKEN:
            raise UserError(
                f"{name}={os.environ[name]}: spans are sent by {_SPOKEN} alone; unset it, or set it to that"
            )
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
def span(
    name: str,
    attributes: Mapping[str, str | int | float] | None = None,
    *,
    asked_by: Mapping[str, str] | None = None,
) -> Iterator[Span]:
    """A block as a span, below the one that it is in; one that ends with an error says of which type.

    Args:
        name: What is done.
        attributes: About it.
        asked_by: Headers of a request that this answers, whose `traceparent` names the span above.
    """
    if _tracer is None:
        yield _NO_SPAN
        return
    # only where its packages are installed
    from opentelemetry.propagate import extract  # noqa: PLC0415
    from opentelemetry.trace import SpanKind  # noqa: PLC0415

    with _tracer.start_as_current_span(
        name,
        context=None if asked_by is None else extract(asked_by),
        kind=SpanKind.INTERNAL if asked_by is None else SpanKind.SERVER,
        attributes=attributes,
        # both would write the error's text down
        record_exception=False,
        set_status_on_exception=False,
    ) as current:
        try:
            yield current
        except Exception as error:
            mark_failed(current, type(error).__name__)
            raise


def mark_failed(current: Span, kind: str) -> None:
    """Say of a span that what it spans has failed.

    Args:
        current: The span.
        kind: Name of an exception's class, or an HTTP status.
    """
    if isinstance(current, _NoSpan):
        return
    from opentelemetry.trace import Span as SdkSpan  # noqa: PLC0415 - as above
    from opentelemetry.trace import Status, StatusCode  # noqa: PLC0415 - as above

    if isinstance(current, SdkSpan):
        current.set_attribute("error.type", kind)
        current.set_status(Status(StatusCode.ERROR))


def current_trace_id() -> str | None:
    """Id of the trace that this happens in, as collectors write it; None outside of any."""
    if _tracer is None:
        return None
    from opentelemetry.trace import format_trace_id, get_current_span  # noqa: PLC0415 - as above

    context = get_current_span().get_span_context()
    return format_trace_id(context.trace_id) if context.is_valid else None
