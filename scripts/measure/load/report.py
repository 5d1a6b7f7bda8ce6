"""What the clients' requests say."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from app.measure.speed.figures import Figures
from scripts.measure.load.attackers import Attack
from scripts.measure.load.clients import Request

UNAVAILABLE = 503


def summarise(requests: Sequence[Request], seconds: float) -> dict[str, Any]:
    """Times by kind, of the requests that succeeded, and how many did not.

    Args:
        requests: All of them.
        seconds: During which they were sent.
    """
    kinds = sorted({request.kind for request in requests})
    times = {kind: [it.milliseconds for it in requests if it.kind == kind and it.succeeded] for kind in kinds}
    compared = [it.sounds for it in requests if it.sounds is not None]
    return {
        "milliseconds": {
            name: Figures.of(values).as_dict()
            for name, values in {"all": [value for values in times.values() for value in values], **times}.items()
            if values
        },
        "requests_a_second": len(requests) / seconds,
        "share_compared_with_sounds": sum(compared) / max(1, len(compared)),
        "errors": dict(Counter(str(it.status) for it in requests if not it.succeeded)),
    }


def judge_attack(alone: dict[str, Any], requests: Sequence[Request], attack: Attack, seconds: float) -> dict[str, Any]:
    """What the attackers made of the clients' waiting, and what they got themselves.

    Args:
        alone: What `summarise` said without them.
        requests: Those of the clients, beside them.
        attack: The attack.
        seconds: How long it was.
    """
    beside = summarise(requests, seconds)
    searches, before = beside["milliseconds"]["search"], alone["milliseconds"]["search"]
    return {
        "search_p50_ms": searches["p50"],
        "search_p99_ms": searches["p99"],
        "search_p99_ratio": searches["p99"] / before["p99"],
        "requests_a_second": beside["requests_a_second"],
        "share_compared_with_sounds": beside["share_compared_with_sounds"],
        "errors": beside["errors"],
        **{f"answers_to_{kind.replace(' ', '_')}": dict(counts) for kind, counts in attack.statuses.items()},
    }


def judge_outage(requests: Sequence[Request], window: tuple[float, float]) -> tuple[dict[str, Any], list[Request]]:
    """What happened while Postgres was away, and which requests failed in a way or at a time that they must not.

    Args:
        requests: All of them.
        window: When it was killed and when it was back, of `time.monotonic`.

    Returns:
        Figures, and the requests that are wrong: those that failed otherwise than with 503, and those that were over
        before it was killed or began after it was back, and failed.
    """
    killed, revived = window
    failed = [request for request in requests if not request.succeeded]
    outside = [it for it in failed if it.started + it.milliseconds / 1000 < killed or it.started > revived]
    otherwise = [it for it in failed if it.status != UNAVAILABLE and it not in outside]
    first = min((it.started for it in requests if it.started > revived and it.succeeded), default=None)
    return {
        "outage_seconds": revived - killed,
        "outage_statuses": dict(Counter(str(it.status) for it in failed)),
        "outage_failed_while_there": len(outside),
        "outage_failed_otherwise_than_503": len(otherwise),
        "outage_seconds_from_back_to_first_success": None if first is None else first - revived,
        "outage_last_failure_began_seconds_after_back": max((it.started - revived for it in failed), default=0.0),
    }, [*outside, *otherwise]
