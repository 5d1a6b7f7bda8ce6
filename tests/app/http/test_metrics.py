"""Figures for Prometheus, read as it reads them."""

import asyncio
import json
import re
import urllib.request
from pathlib import Path
from typing import Any

import httpx2
import pytest
from prometheus_client import start_http_server
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from app.providers import Providers
from app.settings import Settings
from services.metrics import PROCESS
from tests.app.conftest import Get, open_client
from tests.support.catalogue import Catalogue
from tests.support.mirrored import Mirrored
from tests.support.recordings import excerpt
from workers.app import run_worker

DOCS = Path(__file__).resolve().parents[3] / "docs"
DASHBOARD = json.loads((DOCS / "grafana" / "vibe-search.json").read_text(encoding="utf-8"))
HISTOGRAM_PARTS = ("_bucket", "_sum", "_count")


def read(text: str) -> dict[str, list[Sample]]:
    """Samples by the name of their series."""
    found: dict[str, list[Sample]] = {}
    for family in text_string_to_metric_families(text):
        for one in family.samples:
            if one.name.startswith("vibe_search_") and not one.name.endswith("_created"):
                found.setdefault(one.name, []).append(one)
    return found


def value(samples: dict[str, list[Sample]], name: str, **labels: str) -> float:
    """Of the series with these labels, all others added up; 0 where there is none."""
    return sum(one.value for one in samples.get(name, []) if labels.items() <= one.labels.items())


def figures(get: Get) -> dict[str, list[Sample]]:
    answer = get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=")
    return read(answer.text)


def mirror_figures(get: Get) -> dict[str, float]:
    return {
        name.removeprefix("vibe_search_"): samples[0].value
        for name, samples in figures(get).items()
        if name.startswith("vibe_search_mirror_")
    }


def test_the_mirror(get: Get, mirrored: Mirrored) -> None:
    assert mirror_figures(get) == {
        "mirror_serving": 0,
        "mirror_changes": 0,
        "mirror_refused": 0,
        "mirror_lag_seconds": 0,
        "mirror_failing": 0,
        "mirror_differences": 0,
    }
    mirrored.add("one", "two")
    mirrored.sync()
    mirrored.execute("update tracks set title = 'new'")
    mirrored.execute("update search.mirror_changes set changed_at = now() - interval '1 minute' where track_id = 1")
    mirrored.execute("update search.mirror_changes set refused = 'no' where track_id = 2")
    mirrored.execute("update search.mirror_state set failure = 'it says no'")
    mirrored.execute("update search.mirror_checks set missing = 3, stale = 1")
    found = mirror_figures(get)
    assert 60 <= found.pop("mirror_lag_seconds") < 90
    assert found == {
        "mirror_serving": 1,
        "mirror_changes": 2,
        "mirror_refused": 1,
        "mirror_failing": 1,
        "mirror_differences": 4,
    }


def test_stale_tables(get: Get, mirrored: Mirrored) -> None:
    mirrored.execute(
        "insert into search.stale_notes (table_name, operation, error, followed) "
        "values ('artists', 'UPDATE', 'no such column', true), ('tracks', 'UPDATE', 'no such column', false)"
    )
    found = figures(get)["vibe_search_stale_table"]
    assert [(sample.labels, sample.value) for sample in found] == [
        ({"table": "artists", "followed": "yes"}, 1.0),
        ({"table": "tracks", "followed": "no"}, 1.0),
    ]


def scrape_after(settings: Settings, providers: Providers, *paths: str) -> tuple[dict[str, list[Sample]], ...]:
    """Figures before and after some requests."""

    async def steps() -> list[str]:
        async with open_client(settings, providers) as client:
            before = await client.get("/metrics")
            for path in paths:
                await client.get(path)
            return [before.text, (await client.get("/metrics")).text]

    before, after = asyncio.run(steps())
    return read(before), read(after)


def test_requests_statements_and_vectors(settings: Settings, providers: Providers) -> None:
    unhurried = settings.model_copy(update={"semantic_deadline_seconds": 10.0})
    query = "a text that was never asked for before"
    before, after = scrape_after(
        unhurried,
        providers,
        *[f"/search/?q={query}"] * 3,
        "/search/",
        "/tracks/999999",
        "/nowhere/at/all",
        "/web/page.js",
    )

    def grown(name: str, **labels: str) -> float:
        return value(after, name, **labels) - value(before, name, **labels)

    requests = "vibe_search_request_seconds_count"
    assert grown(requests, route="/search/", method="GET", status="200") == 3
    assert grown(requests, route="/search/", status="422") == 1
    assert grown(requests, route="/tracks/{track_id}", status="404") == 1
    assert grown(requests, route="none", status="404") == 1
    assert grown(requests, route="/web/...", status="200") == 1
    assert grown("vibe_search_statement_seconds_count", statement="unified_search") == 3
    assert grown("vibe_search_text_vectors_total", source="made") == 1
    assert grown("vibe_search_text_vectors_total", source="kept") == 2
    assert grown("vibe_search_embedding_seconds_count", of="text") == 1
    assert not any("999999" in text or "nowhere" in text for one in after[requests] for text in one.labels.values())


def test_a_search_without_its_vector(settings: Settings, providers: Providers) -> None:
    hurried = settings.model_copy(update={"semantic_deadline_seconds": 1e-6})
    before, after = scrape_after(hurried, providers, "/search/?q=too late for this one")
    name = "vibe_search_searches_without_vector_total"
    assert value(after, name, reason="late") - value(before, name, reason="late") == 1


def test_queue_and_model(get: Get, catalogue: Catalogue, providers: Providers) -> None:
    catalogue.track("One")
    catalogue.connection.execute("update procrastinate_events set at = at - interval '1 hour' where type = 'deferred'")
    found = figures(get)
    assert value(found, "vibe_search_queue_jobs", task="embed_track", state="waiting") == 1
    assert value(found, "vibe_search_queue_jobs", task="classify_genres", state="running") == 0
    assert value(found, "vibe_search_queue_oldest_seconds", task="embed_track") >= 3600
    identity = providers.embedding.card.identity
    assert value(found, "vibe_search_model_info", role="serving", identity=identity) == 1
    assert value(found, "vibe_search_database_up") == 1


def test_without_postgres_its_own_figures_are_there(tmp_path: Path, providers: Providers) -> None:
    settings = Settings(_env_file=None, database_url="postgresql://nobody@127.0.0.1:1/none", data_dir=tmp_path)
    _, after = scrape_after(settings, providers, "/search/?q=anything")
    assert value(after, "vibe_search_database_up") == 0
    assert value(after, "vibe_search_request_seconds_count", route="/search/", status="503") >= 1
    assert "vibe_search_queue_jobs" not in after


@pytest.fixture
def worked(settings: Settings, providers: Providers, catalogue: Catalogue) -> tuple[dict[str, list[Sample]], ...]:
    """What a worker showed on a port of its own before and after a good track and a broken one."""
    with excerpt("calm_acoustic_1").open("rb") as audio:
        good = providers.audio_store.put(audio, "opus")
    catalogue.track("Good", file_id=good.file_id, file_type="opus")
    catalogue.track("Gone", file_id="0" * 64, file_type="opus")
    server, thread = start_http_server(0, addr="127.0.0.1", registry=PROCESS)

    def scrape() -> dict[str, list[Sample]]:
        with urllib.request.urlopen(f"http://127.0.0.1:{server.server_port}/metrics") as answer:
            return read(answer.read().decode())

    before = scrape()
    asyncio.run(run_worker(str(settings.database_url), settings, providers, wait=False))
    after = scrape()
    server.shutdown()
    server.server_close()
    thread.join()
    return before, after


def test_a_worker(worked: tuple[dict[str, list[Sample]], ...]) -> None:
    before, after = worked

    def grown(name: str, **labels: str) -> float:
        return value(after, name, **labels) - value(before, name, **labels)

    for task in ("embed_track", "classify_genres"):
        assert grown("vibe_search_jobs_total", task=task, outcome="done") == 1
        assert grown("vibe_search_jobs_total", task=task, outcome="awaiting_audio") >= 1
    assert grown("vibe_search_embedding_seconds_count", of="audio") == 1
    assert grown("vibe_search_genres_seconds_count") >= 1


def test_the_page_names_every_metric_and_no_other(get: Get) -> None:
    rows = (DOCS / "reference" / "metrics.md").read_text(encoding="utf-8").splitlines()
    described = {
        match[1]: set(re.findall(r"`(\w+)`", match[2]))
        for line in rows
        if (match := re.match(r"\| `(vibe_search_\w+)` \|([^|]*)\|", line))
    }
    shown = {family.name: family for family in text_string_to_metric_families(get("/metrics").text)}
    exposed = {
        name + {"counter": "_total", "info": "_info"}.get(family.type, "")
        for name, family in shown.items()
        if name.startswith("vibe_search_")
    }
    # an info metric reads back as a gauge of its whole name
    assert described.keys() == exposed
    own = {family.name: family for family in PROCESS.collect()}
    for name, labels in described.items():
        family = own.get(name.removesuffix("_total"))
        if family is not None and family.samples:
            used = {label for one in family.samples for label in one.labels} - {"le"}
            assert used == labels, name


def expressions() -> list[str]:
    dashboard = [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]
    alerts = re.findall(
        r"\| `([^`]*vibe_search[^`]*)` \|", (DOCS / "how-to" / "observe.md").read_text(encoding="utf-8")
    )
    assert len(alerts) > 5
    return [*dashboard, *(alert.replace("\\|", "|") for alert in alerts)]


def test_dashboard_and_alerts_ask_for_what_there_is() -> None:
    page = (DOCS / "reference" / "metrics.md").read_text(encoding="utf-8")
    labels = {
        match[1]: set(re.findall(r"`(\w+)`", match[2]))
        for line in page.splitlines()
        if (match := re.match(r"\| `(vibe_search_\w+)` \|([^|]*)\|", line))
    }
    asked: set[str] = set()
    for expression in expressions():
        for name, matchers in re.findall(r"(vibe_search_\w+)(?:\{([^}]*)\})?", expression):
            metric = (
                name
                if name in labels
                else next(
                    (name.removesuffix(part) for part in HISTOGRAM_PARTS if name.removesuffix(part) in labels), name
                )
            )
            assert metric in labels, f"{name} of {expression}"
            asked.add(metric)
            used = set(re.findall(r"(\w+)\s*[=!]", matchers))
            grouped = {
                label for by in re.findall(r"by \(([^)]*)\)", expression) for label in re.findall(r"\w+", by)
            } - {"le"}
            assert used | grouped <= labels[metric], f"{name} has no such label: {expression}"
    assert asked == set(labels), "the dashboard leaves something out"


def test_the_dashboard_asks_whoever_imports_it_for_the_source() -> None:
    assert {panel["datasource"]["uid"] for panel in DASHBOARD["panels"]} == {"${source}"}
    assert [variable["type"] for variable in DASHBOARD["templating"]["list"]] == ["datasource"]
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])


def test_answers_of_refusals_are_counted_too(settings: Settings, providers: Providers) -> None:
    async def steps() -> list[httpx2.Response]:
        limited = settings.model_copy(update={"rate_limit_costly": 1})
        async with open_client(limited, providers) as client:
            found: list[Any] = [await client.get("/map") for _ in range(2)]
            return [*found, await client.get("/metrics")]

    *_, scraped = asyncio.run(steps())
    assert value(read(scraped.text), "vibe_search_request_seconds_count", route="none", status="429") >= 1
