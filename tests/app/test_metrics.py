"""Figures for Prometheus, read as it reads them."""

from prometheus_client.parser import text_string_to_metric_families

from tests.app.conftest import Get
from tests.mirrored import Mirrored


def figures(get: Get) -> dict[str, float]:
    answer = get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=")
    families = text_string_to_metric_families(answer.text)
    return {sample.name: sample.value for family in families for sample in family.samples}


def test_the_mirror(get: Get, mirrored: Mirrored) -> None:
    assert figures(get) == {
        "vibe_search_mirror_serving": 0,
        "vibe_search_mirror_changes": 0,
        "vibe_search_mirror_refused": 0,
        "vibe_search_mirror_lag_seconds": 0,
        "vibe_search_mirror_failing": 0,
        "vibe_search_mirror_differences": 0,
    }
    mirrored.add("one", "two")
    mirrored.sync()
    mirrored.execute("update tracks set title = 'new'")
    mirrored.execute("update search.mirror_changes set changed_at = now() - interval '1 minute' where track_id = 1")
    mirrored.execute("update search.mirror_changes set refused = 'no' where track_id = 2")
    mirrored.execute("update search.mirror_state set failure = 'it says no'")
    mirrored.execute("update search.mirror_checks set missing = 3, stale = 1")
    found = figures(get)
    assert 60 <= found.pop("vibe_search_mirror_lag_seconds") < 90
    assert found == {
        "vibe_search_mirror_serving": 1,
        "vibe_search_mirror_changes": 2,
        "vibe_search_mirror_refused": 1,
        "vibe_search_mirror_failing": 1,
        "vibe_search_mirror_differences": 4,
    }
