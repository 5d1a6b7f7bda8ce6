"""Genre predictions by effnet-discogs on Replicate, over its HTTP API.

A prediction is asked for with an address of the audio; the answer is waited for, polled where it takes longer than a
request may, and its output is the address of a JSON object: labels of the Discogs taxonomy with their probabilities.
"""

import json
import time
from collections.abc import Mapping
from typing import Any, Literal, TypeAlias
from urllib.parse import urlsplit

import httpx2

from models.genres import GenrePrediction, rank_genres, split_labels
from services.attempts import RETRIED, TryAgainError, attempts_within, read_retry_after
from services.audio_store import Recording
from services.genres.errors import ClassificationFailedError, ClassificationRefusedError, NoAddressError

Json: TypeAlias = dict[str, Any]

_POLL_SECONDS = 1.0
_CONNECT_SECONDS = 5.0
_WAIT_SECONDS = 60
"""Replicate holds a request so long at most."""

_MOST_OUTPUT_BYTES = 1_000_000
_UNFINISHED = frozenset({"starting", "processing"})
_LABELS = 400
"""All that the model knows: names are made of labels, so the best so many names need more labels than that."""


class ReplicateGenres:
    """Asks Replicate. Safe to use from several threads.

    Args:
        token: Of the account.
        version: Of the model: community models are asked for by it.
        top: How many predictions are kept.
        timeout_seconds: How long one classification may take, repetitions included.
        base_url: Of the API.
    """

    def __init__(
        self, token: str, *, version: str, top: int, timeout_seconds: float, base_url: str = "https://api.replicate.com"
    ) -> None:
        self._version = version
        self._top = top
        self._timeout_seconds = timeout_seconds
        self._base_url = base_url.rstrip("/")
        self._authorization = {"authorization": f"Bearer {token}"}
        self._client = httpx2.Client(follow_redirects=False)

    def classify(self, recording: Recording) -> list[GenrePrediction]:
        """Lower-case genre names, the most confident first.

        Raises:
            NoAddressError: The recording has no address at which Replicate could fetch it.
            ClassificationRefusedError: Replicate says that it will not, and would say so again.
            ClassificationFailedError: It failed, or did not answer in time.
            services.audio_store.AudioMissingError: The recording is not in the store.
        """
        address = recording.locate().url
        if address is None:
            raise NoAddressError
        deadline = time.monotonic() + self._timeout_seconds
        prediction = self._predict(address, deadline)
        scores = self._fetch_scores(prediction.get("output"), deadline)
        return rank_genres(split_labels(scores.items()), self._top)

    def close(self) -> None:
        """Close idle connections."""
        self._client.close()

    def _predict(self, address: str, deadline: float) -> Json:
        """A prediction that has succeeded."""
        inputs = {"audio": address, "top_n": min(_LABELS, 2 * self._top), "output_format": "JSON"}
        body = {"version": self._version, "input": inputs}
        prediction: Json = self._ask("POST", f"{self._base_url}/v1/predictions", deadline, body)
        while prediction.get("status") in _UNFINISHED:
            if time.monotonic() + _POLL_SECONDS > deadline:
                raise self._too_late()
            time.sleep(_POLL_SECONDS)
            prediction = self._ask("GET", self._own_address(prediction.get("urls", {}).get("get")), deadline)
        if prediction.get("status") != "succeeded":
            reason = prediction.get("error") or prediction.get("status") or "it says nothing"
            raise ClassificationFailedError(f"the prediction on Replicate failed: {str(reason)[:500]}")
        return prediction

    def _too_late(self) -> ClassificationFailedError:
        return ClassificationFailedError(f"Replicate has not finished within {self._timeout_seconds:g} s")

    def _fetch_scores(self, output: object, deadline: float) -> dict[str, float]:
        """Probabilities by label."""
        if isinstance(output, list) and len(output) == 1:
            output = output[0]
        scores = self._download(output, deadline) if isinstance(output, str) else output
        if not isinstance(scores, dict) or not all(_is_score(value) for value in scores.values()):
            raise ClassificationFailedError("Replicate answers something that is no object of labels and scores")
        return {str(label): float(score) for label, score in scores.items()}

    def _download(self, address: str, deadline: float) -> object:
        parts = urlsplit(address)
        own = urlsplit(self._base_url)
        if parts.scheme != "https" and (parts.scheme, parts.netloc) != (own.scheme, own.netloc):
            raise ClassificationFailedError("the output of the prediction lies at an address that is not fetched from")
        # not with the token: it lies on another host
        return self._ask("GET", address, deadline, headers={})

    def _own_address(self, address: object) -> str:
        """Where to poll, if it is Replicate's: the token goes there."""
        if not isinstance(address, str) or urlsplit(address)[:2] != urlsplit(self._base_url)[:2]:
            raise ClassificationFailedError("Replicate does not say where its prediction can be followed")
        return address

    def _ask(
        self,
        method: Literal["GET", "POST"],
        url: str,
        deadline: float,
        body: Json | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Any:  # noqa: ANN401 - JSON
        """Ask until there is an answer or the time is over."""
        sent = dict(self._authorization if headers is None else headers)
        if method == "POST":
            left = max(1, int(deadline - time.monotonic()))
            sent["prefer"] = f"wait={min(_WAIT_SECONDS, left)}"
        try:
            return attempts_within(max(0.0, deadline - time.monotonic()))(
                lambda: self._ask_once(method, url, deadline, body, sent)
            )
        except TryAgainError as error:
            raise ClassificationFailedError(str(error)) from error

    def _ask_once(self, method: str, url: str, deadline: float, body: Json | None, headers: Mapping[str, str]) -> Any:  # noqa: ANN401 - JSON
        left = deadline - time.monotonic()
        if left <= 0:
            raise self._too_late()
        host = urlsplit(url).hostname
        timeout = httpx2.Timeout(left, connect=min(left, _CONNECT_SECONDS))
        try:
            with self._client.stream(method, url, json=body, headers=dict(headers), timeout=timeout) as answer:
                content = _read_bounded(answer)
        except httpx2.TransportError as error:
            # but for connecting, a request waits as long as there is time
            waited = isinstance(error, httpx2.TimeoutException) and not isinstance(error, httpx2.ConnectTimeout)
            if waited or time.monotonic() >= deadline:
                raise self._too_late() from error
            raise TryAgainError(f"{host} cannot be reached: {str(error) or type(error).__name__}") from error
        if answer.status_code in RETRIED:
            after = read_retry_after(answer.headers.get("retry-after"))
            raise TryAgainError(f"{host} answers {answer.status_code}", after)
        if not answer.is_success:
            raise ClassificationRefusedError(f"{host} answers {answer.status_code}: {_reason(content)}")
        try:
            return json.loads(content)
        except ValueError as error:
            raise ClassificationFailedError(f"{host} answers something that is not JSON") from error


def _read_bounded(answer: httpx2.Response) -> bytes:
    content = bytearray()
    for piece in answer.iter_bytes():
        content += piece
        if len(content) > _MOST_OUTPUT_BYTES:
            raise ClassificationFailedError(f"an answer of more than {_MOST_OUTPUT_BYTES} bytes is not read")
    return bytes(content)


def _is_score(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1


def _reason(content: bytes) -> str:
    """What a refusal says, in words."""
    try:
        answer = json.loads(content)
        return str(answer.get("detail") or answer.get("title"))[:500]
    except (ValueError, AttributeError):
        return content[:200].decode(errors="replace").strip()
