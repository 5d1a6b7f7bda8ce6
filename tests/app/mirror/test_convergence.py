"""Whatever happens, and in whatever order: once it is quiet the mirror is equal, and nothing hidden is ever in it.

A random sequence of changes to the catalogue, of faults of the mirror and of deaths of who keeps it up to date, against
a real Postgres and turbopuffer's own client. The server looks after each write whether it now shows something that it
must not, at that very moment.
"""

import asyncio
import contextlib
import os
from collections.abc import Iterator
from datetime import timedelta
from typing import ClassVar

import numpy as np
import psycopg
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test
from pgvector import HalfVector

from app.database import Database, connect
from app.errors import DatabaseUnavailableError
from app.measure.turbopuffer_server import API_KEY, Fault, TurbopufferServer, serving_turbopuffer
from app.mirror import MirrorSync, compare, read_namespaces
from services.vector_mirror import MirrorError
from services.vector_mirror.turbopuffer import TurbopufferMirror
from tests.support.depth import DEEP, cases

EXAMPLES = int(os.environ.get("MIRROR_EXAMPLES", cases(short=16, deep=80)))
STEPS = 50
TRACKS = 6
ARTISTS = 2
MODELS = {"small@1": 4, "other@1": 4, "large@1": 8}

FAULTS = [
    Fault("status", status=500, only="write"),
    Fault("status", status=503, after=True, only="write"),
    Fault("status", status=429, retry_after=0, only="write"),
    Fault("status", status=409, only="write"),
    Fault("status", status=500, only="query"),
    Fault("reset", only="write"),
    Fault("reset", after=True, only="write"),
    Fault("delay", only="write"),
    Fault("delay", only="write"),
    Fault("duplicate", only="write"),
]

# what a catalogue says should be there, in words of its own
WANTED = """
    select t.id, t.title, a.handle, a.did, t.visibility, m.identity, e.embedding::text
    from tracks t
    join artists a on a.did = t.artist_did
    join search.embeddings e on e.track_id = t.id
    join search.models m on m.id = e.model_id and m.serving
    where t.visibility in ('public', 'supporters')
"""

# which of some documents are there that should not, without anything noted that would remove them
FORBIDDEN = """
    select shown.id from unnest(%s::bigint[]) as shown (id)
    where not exists (select from tracks t where t.id = shown.id and t.visibility in ('public', 'supporters'))
      and not exists (select from search.mirror_changes c where c.track_id = shown.id)
"""


class World:
    """A database, a mirror, and the two processes that keep them equal."""

    def __init__(self, url: str, server: TurbopufferServer) -> None:
        self.url, self.server = url, server
        self.loop = asyncio.Runner()
        self.connection = connect(url)
        self.observer = connect(url)
        self.connection.autocommit = self.observer.autocommit = True
        self.databases = [Database.open(url), Database.open(url)]
        self.store = TurbopufferMirror(API_KEY, region="api", base_url=server.url, timeout_seconds=5, max_retries=0)
        self.syncs = [
            MirrorSync(database, self.store, "tracks", batch=3, sweep_every=timedelta(0)) for database in self.databases
        ]
        self.ever_listed: set[int] = set()
        self.wrong: list[str] = []
        for identity, dimensions in MODELS.items():
            self.connection.execute("select search.register_model(%s, %s, %s)", [identity, identity, dimensions])

    def reset(self) -> None:
        """As new."""
        with self.server.lock:
            self.server.namespaces.clear()
            self.server.faults.clear()
            self.server.apply_delayed()
            self.server.namespaces.clear()
            self.server.on_write = lambda: None
        self.connection.execute("truncate tracks, artists cascade")
        self.connection.execute("delete from search.mirror_changes")
        self.connection.execute("delete from search.mirror_namespaces")
        self.connection.execute("select search.serve_model('small@1')")
        self.ever_listed.clear()
        self.wrong.clear()
        self.server.on_write = self.observe

    def observe(self) -> None:
        """Look at the mirror, while nothing in it moves."""
        current = {
            row[0]
            for row in self.observer.execute(
                "select name from search.mirror_namespaces where state in ('filling', 'serving')"
            ).fetchall()
        }
        for name in self.server.namespaces:
            shown = list(self.server.live(name))
            if never := set(shown) - self.ever_listed:
                self.wrong.append(f"{name} shows {never}, which nobody was ever to see")
            if name in current:
                rows = self.observer.execute(FORBIDDEN, [shown]).fetchall()
                if rows:
                    self.wrong.append(f"{name} shows {rows}, and nothing would remove them")

    def close(self) -> None:
        """Give everything back."""
        self.loop.run(self.store.close())
        for database in self.databases:
            self.loop.run(database.close())
        self.loop.close()
        self.connection.close()
        self.observer.close()

    # --- what happens to the catalogue

    def execute(self, statement: str, *parameters: object) -> None:
        self.connection.execute(statement, parameters)

    def put_track(self, track: int, visibility: str) -> None:
        if visibility in {"public", "supporters"}:
            # before the write, so that nobody can look in between
            self.ever_listed.add(track)
        self.execute(
            "insert into tracks (id, artist_did, title, file_id, file_type, visibility) "
            "values (%s, 'did:0', 't', 'f', 'mp3', %s) "
            "on conflict (id) do update set visibility = excluded.visibility",
            track,
            visibility,
        )

    def embed(self, track: int, model: str, seed: int) -> None:
        vector = np.random.default_rng(seed).standard_normal(MODELS[model]).astype(np.float32)
        self.execute(
            "insert into search.embeddings (track_id, model_id, file_id, embedding, listed, owner) "
            "select t.id, m.id, t.file_id, %s::halfvec, search.is_listed(t.visibility), "
            "search.private_owner(t.visibility, t.artist_did) "
            "from tracks t, search.models m where t.id = %s and m.identity = %s "
            "on conflict (track_id, model_id) do update set embedding = excluded.embedding",
            HalfVector(vector / np.linalg.norm(vector)).to_text(),
            track,
            model,
        )

    # --- what happens to who keeps the mirror

    def run(self, which: int) -> bool:
        """A round; whether it ended well."""
        try:
            return self.loop.run(self.syncs[which].run())
        except (MirrorError, DatabaseUnavailableError):
            return False

    def run_held(self, which: int, track: int, visibility: str, end: str) -> None:
        """Stop a round in the middle of a write, change a track, and let the write go on, late.

        Args:
            which: Whose round.
            track: What is changed.
            visibility: What it becomes.
            end: What becomes of the round: "goes on", "loses its lock", so that another runs beside it, or "dies".
        """
        server = self.server
        # so that it has something to write
        self.execute("update tracks set title = title || '?' where id = %s", track)
        server.held.clear()
        server.release.clear()
        server.faults.insert(0, Fault("hold", only="write"))

        async def steps() -> None:
            first = asyncio.create_task(self.syncs[which].run())
            held = asyncio.create_task(asyncio.to_thread(server.held.wait, 5))
            await asyncio.wait({first, held}, return_when=asyncio.FIRST_COMPLETED)
            if not first.done() and end == "goes on":
                self.put_track(track, visibility)
                self.execute("update tracks set title = title || '!' where id = %s", track)
            elif not first.done():
                self.connection.execute(
                    "select pg_terminate_backend(pid) from pg_locks "
                    "where locktype = 'advisory' and pid <> pg_backend_pid() "
                    "and database = (select oid from pg_database where datname = current_database())"
                )
                if end == "dies":
                    first.cancel()
                    await asyncio.gather(first, return_exceptions=True)
                self.put_track(track, visibility)
                with contextlib.suppress(MirrorError, DatabaseUnavailableError):
                    await self.syncs[1 - which].run()
                self.execute("update tracks set title = title || '!' where id = %s", track)
            server.release.set()
            await asyncio.gather(first, return_exceptions=True)
            server.held.set()
            await held

        self.loop.run(steps())
        server.faults = [fault for fault in server.faults if fault.kind != "hold"]

    def settle(self) -> None:
        """Let it become quiet."""
        self.server.faults.clear()
        assert any(self.run(0) for _ in range(4)), "it does not come to rest"

    def check(self) -> None:
        """Whether the mirror is equal, asked of itself and told by the tables."""
        assert self.wrong == []
        rows = self.connection.execute(WANTED).fetchall()
        wanted = {row[0]: (*row[1:6], HalfVector.from_text(str(row[6])).to_list()) for row in rows}
        names = [found.name for found in self.loop.run(read_namespaces(self.databases[0])) if found.state == "serving"]
        assert len(names) == 1
        live = self.server.live(names[0])
        facts = ("title", "artist_handle", "artist_did", "visibility", "model")
        shown = {k: (*(row.get(fact) for fact in facts), row["vector"].tolist()) for k, row in live.items()}
        assert shown == wanted
        found = self.loop.run(compare(self.databases[0], self.store, names[0]))
        assert (found.differences, found.pending) == ([], 0)
        assert set(self.server.namespaces) == set(names), "a namespace was left behind"


tracks = st.integers(1, TRACKS)
visibilities = st.sampled_from(["public", "public", "supporters", "private", "unlisted"])
seeds = st.integers(0, 5)


class Events(RuleBasedStateMachine):
    """Everything that may happen, in any order."""

    world: ClassVar[World]

    @initialize()
    def begin(self) -> None:
        self.world.reset()
        self.world.execute(
            "insert into artists values ('did:0', 'zero.example', 'Zero'), ('did:1', 'one.example', 'One')"
        )

    @rule(track=tracks, visibility=visibilities, seed=seeds)
    def insert_or_show_or_hide(self, track: int, visibility: str, seed: int) -> None:
        self.world.put_track(track, visibility)
        if seed:
            for model in MODELS:
                self.world.embed(track, model, seed)

    @rule(track=tracks, model=st.sampled_from(sorted(MODELS)), seed=seeds)
    def embed(self, track: int, model: str, seed: int) -> None:
        self.world.embed(track, model, seed)

    @rule(track=tracks, title=st.sampled_from(["t", "u", "größer", "音"]))
    def retitle(self, track: int, title: str) -> None:
        self.world.execute("update tracks set title = %s where id = %s", title, track)

    @rule(track=tracks, artist=st.integers(0, ARTISTS - 1))
    def give_to(self, track: int, artist: int) -> None:
        self.world.execute("update tracks set artist_did = %s where id = %s", f"did:{artist}", track)

    @rule(artist=st.integers(0, ARTISTS - 1), handle=st.sampled_from(["x", "y", "z"]))
    def rename_artist(self, artist: int, handle: str) -> None:
        self.world.execute(
            "update artists set handle = %s where did = %s", f"{handle}{artist}.example", f"did:{artist}"
        )

    @rule(track=tracks)
    def delete(self, track: int) -> None:
        self.world.execute("delete from tracks where id = %s", track)

    @rule(track=tracks)
    def roll_back(self, track: int) -> None:
        with contextlib.suppress(psycopg.Rollback), self.world.connection.transaction():
            self.world.execute("update tracks set visibility = 'public', title = 'never' where id = %s", track)
            raise psycopg.Rollback

    @rule(model=st.sampled_from(sorted(MODELS)))
    def switch_model(self, model: str) -> None:
        self.world.execute("select search.serve_model(%s)", model)

    @rule(faults=st.lists(st.sampled_from(FAULTS), min_size=1, max_size=3))
    def break_something(self, faults: list[Fault]) -> None:
        self.world.server.faults += faults

    @rule()
    def late_writes_arrive(self) -> None:
        self.world.server.apply_delayed(1)

    @rule(which=st.integers(0, 1))
    def bring_up_to_date(self, which: int) -> None:
        self.world.run(which)

    @rule(
        which=st.integers(0, 1),
        track=tracks,
        visibility=visibilities,
        end=st.sampled_from(["goes on", "loses its lock", "dies"]),
    )
    def something_happens_in_the_middle_of_a_write(self, which: int, track: int, visibility: str, end: str) -> None:
        self.world.run_held(which, track, visibility, end)

    @rule()
    def somebody_drops_the_namespace(self) -> None:
        with self.world.server.lock:
            for name in list(self.world.server.namespaces)[:1]:
                del self.world.server.namespaces[name]
        # nobody is told: what notices is the next write, and the comparison
        self.world.execute("select search_internal.note_mirror_changes(array[1])")

    def teardown(self) -> None:
        if not hasattr(self, "world"):
            return
        self.world.settle()
        self.world.check()
        # those that come when everything is over
        self.world.server.apply_delayed()
        self.world.run(0)
        self.world.check()


@pytest.fixture
def world(database: str) -> Iterator[World]:
    with serving_turbopuffer() as server:
        made = World(database, server)
        Events.world = made
        yield made
        made.close()


@DEEP
@pytest.mark.usefixtures("world")
def test_it_converges_whatever_happens() -> None:
    run_state_machine_as_test(
        Events,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            print_blob=True,
        ),
    )


def test_a_server_that_forgets_a_removal_is_found_out(world: World) -> None:
    """The checks above can fail."""
    world.reset()
    world.execute("insert into artists values ('did:0', 'zero.example', 'Zero')")
    world.put_track(1, "public")
    world.embed(1, "small@1", 1)
    world.settle()
    world.check()
    (namespace,) = world.server.namespaces.values()
    kept = dict(namespace.rows[1])
    world.put_track(1, "private")
    world.settle()
    world.check()
    namespace.rows[1] = kept
    world.observe()
    assert world.wrong
    world.wrong.clear()
    with pytest.raises(AssertionError):
        world.check()
