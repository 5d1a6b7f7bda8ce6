"""The real worker with audio in a bucket."""

from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from typing import Any

import numpy as np
import psycopg

from app.measure.sample import recordings_dir
from app.providers import Providers
from services.audio_store import PublicAddress, S3AudioStore
from tests.support.catalogue import Catalogue
from tests.support.loopback_bucket import new_bucket

RECORDING = "calm/calm_acoustic_1.opus"


def test_a_track_whose_audio_lies_in_a_bucket_is_embedded(
    catalogue: Catalogue,
    connection: psycopg.Connection[Any],
    drain: Callable[..., None],
    providers: Providers,
    s3_server: str,
) -> None:
    base = "https://cdn.example.org"
    bucket = replace(new_bucket(s3_server), public=PublicAddress.parse(base))
    with closing(S3AudioStore(bucket)) as store:
        with (recordings_dir() / RECORDING).open("rb") as audio:
            stored = store.put(audio, "opus")
        usual = catalogue.track("Usual", file_id=stored.file_id, file_type="opus", r2_url="https://evil.example/x.opus")
        adopted = catalogue.track("Adopted", file_id="adopted", file_type="opus", r2_url=stored.url)
        drain(replace(providers, audio_store=store))
    failures = connection.execute("select reason from search.job_failures").fetchall()
    assert failures == []
    rows = connection.execute("select track_id, embedding::real[] from search.track_embeddings").fetchall()
    vectors = {row[0]: row[1] for row in rows}
    assert vectors.keys() == {usual, adopted}
    with (recordings_dir() / RECORDING).open("rb") as audio:
        expected = providers.embedding.embed_audio(audio)
    for vector in vectors.values():
        np.testing.assert_allclose(vector, expected, atol=1e-3)  # halves hold three digits
