"""Asking the application who holds a cookie or a token, over a real connection."""

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest

from services.metrics import PROCESS
from services.viewer import ApplicationViewers, Credentials, ViewerUnavailableError
from services.viewer.application import _CONNECTIONS, _FAILURES_IN_A_ROW
from tests.support.session_app import SessionApp, session_app

ANN, BO = "did:plc:ann", "did:plc:bo"
SESSIONS = {"a1": ANN, "b2": BO, "token-b": BO}

Steps = Callable[[ApplicationViewers], Coroutine[Any, Any, Any]]


@pytest.fixture
def application() -> Iterator[SessionApp]:
    with session_app(SESSIONS) as opened:
        yield opened


def ask(application: SessionApp, steps: Steps, **options: Any) -> Any:
    """Run an async function with a verifier that asks the application, as patiently as a busy machine needs."""

    async def session() -> Any:
        arguments: dict[str, Any] = {"timeout_seconds": 60.0} | options
        viewers = ApplicationViewers(application.url, **arguments)
        try:
            return await steps(viewers)
        finally:
            await viewers.close()

    return asyncio.run(session())


def cookie(value: str) -> Credentials:
    return Credentials(cookie=f"session_id={value}")


def checks(outcome: str) -> float:
    return PROCESS.get_sample_value("vibe_search_viewer_checks_total", {"outcome": outcome}) or 0.0


def test_cookies_and_tokens_are_told(application: SessionApp) -> None:
    async def steps(viewers: ApplicationViewers) -> list[str | None]:
        asked = [cookie("a1"), cookie("b2"), Credentials(bearer="token-b"), cookie("gone"), Credentials()]
        return [await viewers.find(one) for one in asked]

    assert ask(application, steps) == [ANN, BO, BO, None, None]
    assert len(application.asked) == 4


def test_nothing_but_the_credentials_is_forwarded(application: SessionApp) -> None:
    async def steps(viewers: ApplicationViewers) -> None:
        await viewers.find(Credentials("theme=dark; session_id=a1; _ga=1", "token-b"))

    ask(application, steps)
    (headers,) = application.asked
    own = {"host", "accept", "accept-encoding", "user-agent", "connection"}
    assert {name: value for name, value in headers if name not in own} == {
        "cookie": "theme=dark; session_id=a1; _ga=1",
        "authorization": "Bearer token-b",
    }


def test_a_named_cookie_goes_alone(application: SessionApp) -> None:
    async def steps(viewers: ApplicationViewers) -> list[str | None]:
        headers = ["_ga=1; session_id=a1; x_session_id=b2", "_ga=2;session_id=a1", "_ga=1", "session_ids=b2"]
        return [await viewers.find(Credentials(cookie=header)) for header in headers]

    assert ask(application, steps, cookie="session_id") == [ANN, ANN, None, None]
    assert [dict(headers)["cookie"] for headers in application.asked] == ["session_id=a1"]


def test_no_cookie_of_an_answer_is_sent_for_another_viewer(application: SessionApp) -> None:
    application.sessions["renewed-" + ANN] = ANN

    async def steps(viewers: ApplicationViewers) -> list[str | None]:
        return [await viewers.find(cookie("a1")), await viewers.find(Credentials(bearer="unknown"))]

    assert ask(application, steps) == [ANN, None]
    assert "cookie" not in dict(application.asked[1])


def test_answers_are_kept_and_asked_for_once(application: SessionApp) -> None:
    application.held = threading.Event()

    async def steps(viewers: ApplicationViewers) -> list[str | None]:
        asking = [asyncio.create_task(viewers.find(cookie(value))) for value in ["a1"] * 20 + ["b2"] * 20]
        await application.arrivals(2)
        asking[0].cancel()
        assert application.held is not None
        application.held.set()
        found = await asyncio.gather(*asking, return_exceptions=True)
        assert isinstance(found[0], asyncio.CancelledError)
        return [*found[1:], await viewers.find(cookie("a1"))]  # type: ignore[list-item]  # no errors

    assert ask(application, steps) == [ANN] * 19 + [BO] * 20 + [ANN]
    assert len(application.asked) == 2


def test_an_answer_that_is_not_kept_is_asked_for_again(application: SessionApp) -> None:
    async def steps(viewers: ApplicationViewers) -> list[str | None]:
        before = await viewers.find(cookie("a1"))
        del application.sessions["a1"]
        return [before, await viewers.find(cookie("a1"))]

    assert ask(application, steps, cache_seconds=0.0) == [ANN, None]


def test_an_answer_is_found_where_the_field_says(application: SessionApp) -> None:
    async def steps(viewers: ApplicationViewers) -> str | None:
        return await viewers.find(cookie("a1"))

    assert ask(application, steps, field="user.id") == ANN
    application.answer = lambda: (200, {}, b'{"did":null}')
    assert ask(application, steps) is None


UNUSABLE = {
    "redirect": (302, {"location": "/auth/me"}, b""),
    "not found": (404, {}, b"{}"),
    "no JSON": (200, {}, b"<html>"),
    "a list": (200, {}, b'["did"]'),
    "no field": (200, {}, b'{"handle":"h"}'),
    "a number": (200, {}, b'{"did":7}'),
    "spaces": (200, {}, b'{"did":"did:plc:ann did:plc:bo"}'),
    "a null character": (200, {}, b'{"did":"did:plc:\\u0000"}'),
    "empty": (200, {}, b'{"did":""}'),
    "nested": (200, {}, b'{"did":' + b"[" * 30_000 + b"]" * 30_000 + b"}"),
    "too large": (200, {}, b'{"did":"did:plc:ann","x":"' + b"x" * 70_000 + b'"}'),
    "compressed": (200, {"content-encoding": "gzip"}, b'{"did":"did:plc:ann"}'),
}


@pytest.mark.parametrize("name", UNUSABLE)
def test_an_unusable_answer_is_no_viewer_and_stops_no_question(application: SessionApp, name: str) -> None:
    before = checks("unavailable")

    async def steps(viewers: ApplicationViewers) -> str | None:
        application.answer = lambda: UNUSABLE[name]
        for _ in range(_FAILURES_IN_A_ROW + 1):
            with pytest.raises(ViewerUnavailableError) as refused:
                await viewers.find(cookie("a1"))
            assert "a1" not in str(refused.value)
        application.answer = None
        return await viewers.find(cookie("a1"))

    assert ask(application, steps) == ANN
    assert checks("unavailable") - before == _FAILURES_IN_A_ROW + 1
    # no redirect was followed
    assert len(application.asked) == _FAILURES_IN_A_ROW + 2


def test_an_application_that_fails_is_left_alone(application: SessionApp, caplog: pytest.LogCaptureFixture) -> None:
    application.answer = lambda: (500, {}, b"")

    async def steps(viewers: ApplicationViewers) -> None:
        for _ in range(_FAILURES_IN_A_ROW + 3):
            with pytest.raises(ViewerUnavailableError):
                await viewers.find(cookie("a1"))
        assert PROCESS.get_sample_value("vibe_search_circuit_open", {"service": "viewer"}) == 1

    ask(application, steps)
    assert len(application.asked) == _FAILURES_IN_A_ROW
    assert [record.getMessage() for record in caplog.records if record.name.startswith("services.viewer")] == [
        "VIEWER_URL does not say who asks, so requests are anonymous: it answers 500"
    ]
    assert "a1" not in caplog.text


def test_an_answer_that_does_not_come_ends(application: SessionApp) -> None:
    application.held = threading.Event()

    async def steps(viewers: ApplicationViewers) -> None:
        with pytest.raises(ViewerUnavailableError, match=r"no answer within 0\.05 s"):
            await viewers.find(cookie("a1"))

    try:
        ask(application, steps, timeout_seconds=0.05)
    finally:
        application.held.set()


def test_questions_are_bounded(application: SessionApp) -> None:
    application.held = threading.Event()

    async def steps(viewers: ApplicationViewers) -> list[str | None]:
        asking = [asyncio.create_task(viewers.find(cookie(f"no-{number}"))) for number in range(2 * _CONNECTIONS)]
        await application.arrivals(_CONNECTIONS)
        for _ in range(100):
            await asyncio.sleep(0)
        assert len(application.asked) == _CONNECTIONS
        assert application.held is not None
        application.held.set()
        return await asyncio.gather(*asking)

    assert ask(application, steps) == [None] * 2 * _CONNECTIONS


def test_an_address_where_nothing_listens() -> None:
    application = SessionApp({}, address="http://127.0.0.1:1")

    async def steps(viewers: ApplicationViewers) -> None:
        with pytest.raises(ViewerUnavailableError, match="cannot be reached"):
            await viewers.find(cookie("a1"))

    ask(application, steps)


def test_headers_that_cannot_be_sent_do_not_speak_against_the_application(application: SessionApp) -> None:
    async def steps(viewers: ApplicationViewers) -> str | None:
        for _ in range(_FAILURES_IN_A_ROW + 1):
            with pytest.raises(ViewerUnavailableError):
                await viewers.find(Credentials(cookie="session_id=\x00a1"))
        return await viewers.find(Credentials(cookie="name=\xe9; session_id=a1"))

    assert ask(application, steps) == ANN
