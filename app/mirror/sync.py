"""Bringing the mirror up to date: dropping what has retired, filling what is new, telling what has changed."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

from app.database import Database
from app.mirror import changes, comparison, namespaces
from app.mirror.namespaces import Namespace
from services.vector_mirror import (
    DocumentsRefusedError,
    Entry,
    MirrorError,
    NamespaceMissingError,
    VectorMirror,
)

BATCH = 1000
"""Tracks in one write: at 512 dimensions some 3 MB, where 512 MB are allowed, and the fewer writes the better."""

REMOVALS_KEPT = timedelta(hours=24)
"""No write is under way for so long: the client gives up after minutes, and no server is known to wait for hours."""

_MOST_COMPARISONS = 3
"""A new namespace that still differs then will not be mended by another attempt."""

_MOST_REFUSED = 20
"""So many documents that are refused one after the other, and none that is taken, say that it is not the documents."""

SWEEP_EVERY = timedelta(hours=1)


class MirrorSync:
    """Brings one mirror up to date with one database, one at a time among all processes.

    What it does survives being killed at any point: changes are forgotten only when the mirror has them, and every
    write carries a version, so that one which is repeated, or comes late, or comes from a process that has lost the
    lock without knowing, changes nothing.

    Args:
        database: The database, with two connections to spare.
        store: The mirror.
        base: Name of its first namespace, and beginning of the others'.
        batch: Tracks in one write.
        sweep_every: How often old removals are forgotten, and dropped namespaces dropped again.
    """

    def __init__(
        self,
        database: Database,
        store: VectorMirror,
        base: str,
        *,
        batch: int = BATCH,
        sweep_every: timedelta = SWEEP_EVERY,
    ) -> None:
        self._database = database
        self._store = store
        self._base = base
        self._batch = batch
        self._sweep_every = sweep_every
        self._moved = False
        self._comparisons = 0
        self._swept_at: datetime | None = None

    async def run(self) -> bool:
        """One round: until nothing is left to do.

        Returns:
            Whether it was done: not while another process is at it.

        Raises:
            MirrorError: The mirror does not do what it should; noted in search.mirror_state.
            DatabaseUnavailableError: Postgres cannot be reached.
        """
        self._moved, self._comparisons = False, 0
        async with self._alone() as alone:
            if alone:
                await self._run_and_note()
            return alone

    async def _run_and_note(self) -> None:
        try:
            while await self._step():
                self._moved = True
            await self._sweep()
        except Exception as error:
            words = str(error) if isinstance(error, MirrorError) else f"{type(error).__name__}: {error}"
            await self._database.execute("mirror_record_failure", {"failure": words[:1000]})
            raise
        await self._database.execute("mirror_record_success", {"moved": self._moved})

    async def _step(self) -> bool:
        """One write or so; whether there may be more to do."""
        await self._drop_retired()
        if await self._ensure_namespace():
            return True
        await self._create_new()
        if await self._tell_changes():
            return True
        filling = next((found for found in await self._namespaces() if found.state == "filling"), None)
        return filling is not None and await self._fill(filling)

    async def _ensure_namespace(self) -> bool:
        """See that the serving model has a namespace; whether that changed anything."""
        wanted = await self._database.scalar("mirror_wanted")
        used = [found for found in await self._namespaces() if found.in_use]
        stale = [found for found in used if found.state == "filling" and not found.of_serving_model]
        for found in stale:
            await namespaces.retire_namespace(self._database, found)
        if stale:
            return True
        lacking = not any(found.of_serving_model and self._is_ours(found) for found in used)
        if wanted and lacking and not any(found.state == "filling" for found in used):
            return await namespaces.begin_namespace(self._database, self._base) is not None
        return False

    def _is_ours(self, namespace: Namespace) -> bool:
        """Whether it is called as configured, now."""
        return namespace.name in {self._base, f"{self._base}-{namespace.generation}"}

    async def _drop_retired(self) -> None:
        for retired in await self._namespaces():
            if retired.state == "retired":
                await self._store.drop(retired.name)
                await namespaces.remember_dropped(self._database, retired)

    async def _create_new(self) -> None:
        """Create the namespace that is to be filled, before anything else is written into it."""
        for found in await self._namespaces():
            if (
                found.state == "filling"
                and found.filled_to is None
                and not found.filled
                and found.dimensions is not None
            ):
                await self._store.create(found.name, found.dimensions)

    async def _tell_changes(self) -> bool:
        """Tell the mirror about one batch of changes; whether there were any."""
        claim = await changes.claim_changes(self._database, self._batch)
        if not claim.versions:
            return False
        # whoever noted a change has seen the namespaces that it is for, so they are looked up after that
        used = [found for found in await self._namespaces() if found.in_use]
        told = dict(claim.versions)
        reasons: dict[int, str] = {}
        for namespace in used:
            entries = await changes.read_claimed(self._database, claim, namespace.name)
            current = {entry.track_id for entry in entries}
            told = {track_id: version for track_id, version in told.items() if track_id in current}
            try:
                reasons |= await self._write(namespace, entries)
            except NamespaceMissingError:
                await self._replace(namespace)
                return True
        await changes.refuse(self._database, claim.versions, reasons)
        done = {track_id: version for track_id, version in told.items() if track_id not in reasons}
        await changes.acknowledge(self._database, done)
        return True

    async def _fill(self, namespace: Namespace) -> bool:
        """Write the next tracks into a new namespace, or let it serve when it has all; whether there is more to do."""
        if not namespace.may_fill or namespace.dimensions is None:
            # a transaction that began before it notes nothing for it: the next round will see
            return False
        if namespace.filled:
            return await self._finish(namespace)
        try:
            # older than what is read under it: whatever changes after the reading gets a newer one
            version = await changes.next_version(self._database)
            documents = await changes.read_documents(
                self._database, namespace.name, version, after=namespace.filled_to, most=self._batch
            )
            reasons = await self._write(namespace, documents)
        except NamespaceMissingError:
            await self._replace(namespace)
            return True
        if reasons:
            # they are tried again, and told about, as changes
            await changes.note_changes(self._database, sorted(reasons))
        filled = {
            "generation": namespace.generation,
            "filled_to": documents[-1].track_id if documents else namespace.filled_to,
            "written": len(documents) - len(reasons),
            "filled": len(documents) < self._batch,
        }
        await self._database.execute("mirror_record_filling", filled)
        return True

    async def _finish(self, namespace: Namespace) -> bool:
        """Let a namespace serve if it has all that it should and nothing else; else have the differences mended."""
        found = await comparison.compare(self._database, self._store, namespace.name)
        if found.differences:
            self._comparisons += 1
            if self._comparisons == _MOST_COMPARISONS:
                first = found.differences[0]
                raise MirrorError(
                    f"{self._store.name} does not hold what was written to {namespace.name}: {len(found.differences)} "
                    f"differences remain, of track {first.track_id} for one, which is {first.kind}"
                )
            await comparison.repair(self._database, found)
            return True
        await namespaces.serve_namespace(self._database, namespace)
        await comparison.record(self._database, found)
        return True

    async def _replace(self, namespace: Namespace) -> None:
        """Somebody has dropped it in the mirror: have another filled."""
        await namespaces.retire_namespace(self._database, namespace)

    async def _write(self, namespace: Namespace, entries: Sequence[Entry]) -> dict[int, str]:
        """Write entries; why those that the mirror will not take are refused, by track.

        Raises:
            MirrorError: It takes none: then it is not the documents.
        """
        remaining, refused, taken = [list(entries)] if entries else [], {}, 0
        while remaining:
            some = remaining.pop()
            try:
                await self._store.write(namespace.name, some)
                taken += len(some)
            except DocumentsRefusedError as error:
                if len(some) > 1:
                    remaining += [some[len(some) // 2 :], some[: len(some) // 2]]
                    continue
                refused[some[0].track_id] = str(error)
                if not taken and len(refused) == _MOST_REFUSED:
                    raise MirrorError(f"{namespace.name} takes no document: {error}") from error
        return refused

    async def _sweep(self) -> None:
        """Clear away what was kept because of writes that come late."""
        now = datetime.now(UTC)
        if self._swept_at is not None and now - self._swept_at < self._sweep_every:
            return
        dropped = await namespaces.list_dropped(self._database, REMOVALS_KEPT)
        for name in dropped:
            # the write that created it may have come after the one that dropped it
            await self._store.drop(name)
        for namespace in await self._namespaces():
            if namespace.state == "serving":
                await self._store.forget_removals(namespace.name, now - REMOVALS_KEPT)
        self._swept_at = now

    async def _namespaces(self) -> list[Namespace]:
        return await namespaces.read_namespaces(self._database)

    @asynccontextmanager
    async def _alone(self) -> AsyncIterator[bool]:
        """Keep others out while this lasts; whether nobody else is in.

        The lock is a transaction's, so it ends with a process that is killed, and gets through a pooler. Nothing else
        happens in the transaction: it keeps no snapshot and no rows.
        """
        async with self._database.transaction() as held:
            yield await held.scalar("mirror_lock")
