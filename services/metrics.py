"""What this process counts and times, in the terms of Prometheus.

Names end as its conventions want: seconds for times, and counters are exposed with `_total` behind them. Each metric is
described in docs/reference/metrics.md, and shown by the dashboard beside it.
"""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics

# a series more for each, which nothing here is computed from
disable_created_metrics()  # type: ignore[no-untyped-call]  # the library's own

PROCESS = CollectorRegistry()
"""Everything that this process counts itself; what the database knows is read when it is asked for."""

_SHORT = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper bounds in seconds for what a person waits for."""

_LONG = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)
"""Upper bounds in seconds for work on a whole recording."""

REQUESTS = Histogram(
    "vibe_search_request_seconds",
    "Until the answer was sent, by the endpoint's template, never by the address.",
    ["method", "route", "status"],
    buckets=_SHORT,
    registry=PROCESS,
)
STATEMENTS = Histogram(
    "vibe_search_statement_seconds",
    "The one statement of a search, with its round trip.",
    ["statement"],
    buckets=_SHORT,
    registry=PROCESS,
)
TEXT_VECTORS = Counter(
    "vibe_search_text_vectors",
    "Vectors of texts that were asked for: kept from before, or made.",
    ["source"],
    registry=PROCESS,
)
EMBEDDINGS = Histogram(
    "vibe_search_embedding_seconds", "Making a vector: of a text, or of audio.", ["of"], buckets=_LONG, registry=PROCESS
)
GENRES = Histogram("vibe_search_genres_seconds", "Naming a recording's genres.", buckets=_LONG, registry=PROCESS)
WITHOUT_VECTOR = Counter(
    "vibe_search_searches_without_vector", "Searches that were answered by name alone.", ["reason"], registry=PROCESS
)
FALLBACKS = Counter(
    "vibe_search_vector_fallbacks", "Searches for which pgvector stood in for the mirror.", registry=PROCESS
)
VIEWER_CHECKS = Counter(
    "vibe_search_viewer_checks",
    "Viewers whom the application was asked about, and tokens of the application that were verified.",
    ["outcome"],
    registry=PROCESS,
)
STREAM_POLLS = Counter(
    "vibe_search_stream_polls", "Statements that read all tracks that streams follow.", registry=PROCESS
)
STREAMS = Gauge("vibe_search_streams", "Streams of events that are open.", registry=PROCESS)
JOBS = Counter("vibe_search_jobs", "Jobs that ended here.", ["task", "outcome"], registry=PROCESS)
WORKER_RESTARTS = Counter(
    "vibe_search_worker_restarts", "Times that a worker ended before its time, and another began.", registry=PROCESS
)
JOBS_GIVEN_BACK = Counter(
    "vibe_search_jobs_given_back", "Jobs whose end could not be written down, and that run again.", registry=PROCESS
)
