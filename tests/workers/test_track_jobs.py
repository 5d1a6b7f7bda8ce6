"""From an inserted track to its vector and its genres, through the real queue."""

import asyncio
import io
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any, BinaryIO

import numpy as np
import psycopg
import pytest
from numpy.typing import NDArray
from pgvector import HalfVector

from app.database import Database, connect, load_statement
from app.measure.sample import recordings_dir
from app.processing.calibration import FEWEST_TRACKS
from app.providers import Providers
from app.settings import Settings
from models.registry import ModelCard
from tests.support.catalogue import Catalogue, direction

Connection = psycopg.Connection[Any]
Drain = Callable[..., None]
RECORDING = "calm/calm_acoustic_1.opus"


@pytest.fixture
def file_id(providers: Providers) -> str:
    with (recordings_dir() / RECORDING).open("rb") as audio:
        return providers.audio_store.put(audio, "opus").file_id


def jobs(connection: Connection) -> dict[str, str]:
    return dict(
        connection.execute(
            "select task_name, status::text from procrastinate_jobs where queue_name not like '%upkeep'"
        ).fetchall()
    )


def processing(connection: Connection) -> Any:
    return connection.execute("select embedded, classified, failures from search.track_processing").fetchone()


def add_track_and_fail(catalogue: Catalogue, artist: str) -> None:
    with catalogue.connection.transaction():
        catalogue.track("Rolled Back", artist=artist)
        catalogue.connection.execute("insert into artists values ('x', 'somebody.example', 'Handle Taken')")


def test_inserting_enqueues_both_jobs_in_the_same_transaction(catalogue: Catalogue, connection: Connection) -> None:
    artist = catalogue.artist()
    with pytest.raises(psycopg.errors.UniqueViolation):
        add_track_and_fail(catalogue, artist)
    assert jobs(connection) == {}
    catalogue.track("Kept", artist=artist)
    assert jobs(connection) == {"embed_track": "todo", "classify_genres": "todo"}


def test_only_new_audio_enqueues_again(catalogue: Catalogue, connection: Connection) -> None:
    track = catalogue.track("Same")
    count = "select count(*) from procrastinate_jobs"
    connection.execute("update tracks set title = 'Other', file_id = file_id where id = %s", [track])
    assert connection.execute(count).fetchone() == (2,)
    connection.execute("update tracks set file_id = 'new' where id = %s", [track])
    assert connection.execute(count).fetchone() == (4,)


def test_a_track_is_embedded_and_classified(
    catalogue: Catalogue, connection: Connection, drain: Drain, providers: Providers, file_id: str
) -> None:
    track = catalogue.track("Heard", file_id=file_id, file_type="opus", extra='{"note": "kept"}')
    drain()
    assert jobs(connection) == {"embed_track": "succeeded", "classify_genres": "succeeded"}
    assert processing(connection) == (True, True, None)

    stored = connection.execute("select embedding::real[] from search.track_embeddings").fetchone()
    assert stored is not None
    with providers.audio_store.open(file_id, "opus") as audio:
        expected = providers.embedding.embed_audio(audio)
    np.testing.assert_allclose(stored[0], expected, atol=1e-3)  # halves hold three digits

    extra = connection.execute("select extra from tracks where id = %s", [track]).fetchone()
    assert extra is not None
    assert extra[0]["note"] == "kept"
    assert extra[0]["genre_predictions_file_id"] == file_id
    predictions = extra[0]["genre_predictions"]
    assert 1 <= len(predictions) <= 10
    assert all(prediction.keys() == {"name", "confidence"} for prediction in predictions)
    assert [p["confidence"] for p in predictions] == sorted((p["confidence"] for p in predictions), reverse=True)


def test_the_last_job_calibrates(
    catalogue: Catalogue, connection: Connection, drain: Drain, providers: Providers, file_id: str
) -> None:
    with providers.audio_store.open(file_id, "opus") as audio:
        vector = providers.embedding.embed_audio(audio)
    for number in range(FEWEST_TRACKS - 2):
        catalogue.embed(catalogue.track(f"Heard before {number}", file_id=file_id, file_type="opus"), vector)
    connection.execute("delete from procrastinate_jobs")
    catalogue.track("First", file_id=file_id, file_type="opus")
    drain()
    assert connection.execute("select count(*) from search.calibrations").fetchone() == (0,)
    catalogue.track("Last", file_id=file_id, file_type="opus")
    drain()
    assert connection.execute("select tracks from search.calibrations").fetchone() == (FEWEST_TRACKS,)


class CountingEmbedding:
    """The real provider, counting its work."""

    def __init__(self, real: Any) -> None:
        self.card: ModelCard = real.card
        self.calls = 0
        self._real = real

    def load(self) -> None:
        """Load the real model."""
        self._real.load()

    def embed_audio(self, audio: BinaryIO, *, max_seconds: float | None = None) -> NDArray[np.float32]:
        """Count, and embed."""
        self.calls += 1
        vector: NDArray[np.float32] = self._real.embed_audio(audio, max_seconds=max_seconds)
        return vector

    def embed_text(self, text: str) -> NDArray[np.float32]:
        """Embed a text."""
        vector: NDArray[np.float32] = self._real.embed_text(text)
        return vector

    def sound_relatedness(self, text: str) -> float:
        """As the real one has it."""
        return float(self._real.sound_relatedness(text))


def test_a_repeated_job_does_no_work_twice(
    catalogue: Catalogue, connection: Connection, drain: Drain, providers: Providers, file_id: str
) -> None:
    track = catalogue.track("Twice", file_id=file_id, file_type="opus")
    counting = replace(providers, embedding=CountingEmbedding(providers.embedding))
    drain(counting)
    before = connection.execute("select embedding, embedded_at from search.embeddings").fetchall()
    connection.execute(
        "select search_internal.defer_job('embed', 'embed_track', "
        "jsonb_build_object('track_id', %s::bigint, 'file_id', %s::text))",
        [track, file_id],
    )
    drain(counting)
    assert counting.embedding.calls == 1  # type: ignore[attr-defined]  # it is the one made above
    assert connection.execute("select embedding, embedded_at from search.embeddings").fetchall() == before


def test_a_job_for_replaced_or_deleted_audio_does_nothing(
    catalogue: Catalogue, connection: Connection, drain: Drain, file_id: str
) -> None:
    gone = catalogue.track("Gone", file_id="0" * 64, file_type="opus")
    connection.execute("delete from tracks where id = %s", [gone])
    replaced = catalogue.track("Replaced", file_id="1" * 64, file_type="opus")
    connection.execute("update tracks set file_id = %s where id = %s", [file_id, replaced])
    drain()
    statuses = connection.execute(
        "select distinct status::text from procrastinate_jobs where queue_name = 'embed'"
    ).fetchall()
    assert statuses == [("succeeded",)]
    assert connection.execute("select track_id, file_id from search.embeddings").fetchall() == [(replaced, file_id)]
    assert processing(connection) == (True, True, None)


@pytest.mark.parametrize(
    ("content", "reason"), [(b"", "empty"), (b"this is a letter, not a song " * 50, "not an audio file")]
)
def test_unreadable_audio_fails_in_words_and_the_rest_go_on(
    catalogue: Catalogue,
    connection: Connection,
    drain: Drain,
    providers: Providers,
    file_id: str,
    content: bytes,
    reason: str,
) -> None:
    broken = catalogue.track("Broken", file_id=providers.audio_store.put(io.BytesIO(content), "mp3").file_id)
    catalogue.track("Whole", file_id=file_id, file_type="opus")
    drain()
    states = connection.execute(
        "select args ->> 'track_id', status::text, attempts from procrastinate_jobs "
        "where queue_name = 'embed' order by id"
    ).fetchall()
    assert [state[1:] for state in states] == [("failed", 1), ("succeeded", 1)]
    failures = connection.execute(
        "select track_id, task, reason, permanent from search.job_failures order by task"
    ).fetchall()
    assert [failure[:2] for failure in failures] == [(broken, "classify_genres"), (broken, "embed_track")]
    assert all(reason in failure[2] and failure[3] for failure in failures)
    assert "Traceback" not in failures[0][2]


class BrokenEmbedding(CountingEmbedding):
    """A provider that fails, as one without memory does."""

    def embed_audio(self, audio: BinaryIO, *, max_seconds: float | None = None) -> NDArray[np.float32]:  # noqa: ARG002 - the protocol's
        """Fail."""
        raise RuntimeError("no memory is left")


def test_a_job_waits_visibly_for_its_audio(
    catalogue: Catalogue, connection: Connection, drain: Drain, providers: Providers
) -> None:
    missing = "ab" * 32
    catalogue.track("Late Upload", file_id=missing, file_type="opus")
    drain()
    row = connection.execute(
        "select status::text, attempts, scheduled_at > now() from procrastinate_jobs where task_name = 'embed_track'"
    ).fetchone()
    assert row == ("todo", 1, True)
    shown = connection.execute("select task, waiting + retrying + failed, awaiting_audio, oldest from search.queue "
                               "where task in ('embed_track', 'classify_genres') order by task")  # fmt: skip
    assert shown.fetchall() == [("classify_genres", 0, 1, None), ("embed_track", 0, 1, None)]
    states = connection.execute("select state, permanent from tracks t, search.track_tasks(t.id)").fetchall()
    assert states == [("waiting", False)] * 2
    # a backfill does not wait for days
    ids = [row[0] for row in connection.execute("select id from procrastinate_jobs").fetchall()]
    progress = connection.execute(load_statement("backfill_progress"), {"jobs": ids}).fetchone()
    assert progress is not None
    assert progress[:3] == (0, 0, 0)
    embedded, _, failures = processing(connection)
    assert not embedded
    assert "is not in the store" in failures["embed_track"]

    with (recordings_dir() / RECORDING).open("rb") as audio:
        stored = providers.audio_store.put(audio, "opus")
    assert stored.path is not None
    late = stored.path.parent.parent / missing[:2] / f"{missing}.opus"
    late.parent.mkdir(exist_ok=True)
    late.write_bytes(stored.path.read_bytes())
    connection.execute("update procrastinate_jobs set scheduled_at = now() where status = 'todo'")
    drain()
    assert processing(connection) == (True, True, None)


def test_a_job_waits_for_its_audio_for_days_and_not_for_ever(
    catalogue: Catalogue, connection: Connection, drain: Drain, settings: Any
) -> None:
    track = catalogue.track("Never There", file_id="cd" * 32, file_type="opus")
    waits = {"embed_track": "todo", "classify_genres": "todo"}
    for hours in (1, settings.audio_wait_hours - 1):
        connection.execute(
            "update procrastinate_jobs set attempts = %s, scheduled_at = now()", [10 * settings.job_max_attempts]
        )
        connection.execute("update procrastinate_events set at = now() - %s * interval '1 hour'", [hours])
        drain()
        assert jobs(connection) == waits
    connection.execute("update procrastinate_jobs set scheduled_at = now()")
    connection.execute(
        "update procrastinate_events set at = now() - %s * interval '1 hour'", [settings.audio_wait_hours]
    )
    drain()
    assert jobs(connection) == {"embed_track": "failed", "classify_genres": "failed"}
    states = connection.execute("select state, reason from search.track_tasks(%s)", [track]).fetchall()
    assert [state for state, _ in states] == ["failed"] * 2
    assert all("is not in the store" in reason for _, reason in states)
    assert connection.execute("select search.retry_failed_jobs()").fetchone() == (2,)
    queues = connection.execute(
        "select queue_name from procrastinate_jobs where queue_name not like '%upkeep' order by 1"
    )
    assert queues.fetchall() == [("classify",), ("embed",)]


def test_the_last_attempt_is_the_last(
    catalogue: Catalogue, connection: Connection, drain: Drain, settings: Any, providers: Providers, file_id: str
) -> None:
    catalogue.track("Unheard", file_id=file_id, file_type="opus")
    connection.execute("delete from procrastinate_jobs where task_name <> 'embed_track'")
    connection.execute("update procrastinate_jobs set attempts = %s", [settings.job_max_attempts - 1])
    drain(replace(providers, embedding=BrokenEmbedding(providers.embedding)))
    assert jobs(connection) == {"embed_track": "failed"}


def test_hiding_while_a_vector_is_stored_leaves_it_hidden(
    catalogue: Catalogue, connection: Connection, settings: Settings, providers: Providers
) -> None:
    track = catalogue.track("Hidden In Time")
    parameters = {
        "track_id": track,
        "file_id": "f",
        "embedding": HalfVector(direction(0)).to_text(),
        "identity": providers.embedding.card.identity,
    }

    async def store() -> None:
        async with Database.open(str(settings.database_url)) as storing:
            await storing.execute("store_embedding", parameters)

    with connect(str(settings.database_url)) as hiding, ThreadPoolExecutor(1) as pool:
        hiding.execute("update tracks set visibility = 'private' where id = %s", [track])
        stored = pool.submit(asyncio.run, store())
        while connection.execute("select count(*) from pg_locks where not granted").fetchone() == (0,):
            assert not stored.done(), "the vector was stored without waiting for the change of visibility"
        hiding.commit()
        stored.result(30)
    assert connection.execute("select listed, owner from search.embeddings").fetchone() == (False, catalogue.artist())
