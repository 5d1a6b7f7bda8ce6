"""The server that a benchmark runs on: the configured one, or an embedded one that is set up for the machine."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psutil
import psycopg

from app.database import EmbeddedPostgres, load_query, normalise_url
from app.settings import Settings

_MIB = 2**20


def tuned_settings(memory: int, cores: int) -> dict[str, str]:
    """Parameters of a server that has a machine nearly for itself, as the manual of PostgreSQL advises (19.4).

    Args:
        memory: Bytes of the machine.
        cores: Of the machine.
    """
    return {
        "shared_buffers": f"{memory // 4 // _MIB}MB",
        "effective_cache_size": f"{memory // 2 // _MIB}MB",
        "work_mem": "64MB",
        "maintenance_work_mem": f"{max(64, min(memory // 8 // _MIB, 4096))}MB",
        "max_wal_size": "8GB",
        "max_parallel_maintenance_workers": str(cores),
        "random_page_cost": "1.1",
    }


@contextmanager
def open_server(settings: Settings) -> Iterator[str]:
    """URL of the configured database, or of an embedded one of the benchmark's own, in DATA_DIR/bench/postgres.

    Raises:
        UserError: The embedded server cannot start; the message says why.
    """
    if settings.database_url:
        yield normalise_url(settings.database_url)
        return
    tuned = tuned_settings(psutil.virtual_memory().total, os.cpu_count() or 1)
    with EmbeddedPostgres(settings.data_dir / "bench" / "postgres", settings=tuned) as server:
        yield server.url


def describe_server(connection: psycopg.Connection[Any]) -> dict[str, str]:
    """Version and the parameters that decide about speed, by their names."""
    return dict(connection.execute(str(load_query("benchmark_settings")).encode()).fetchall())


def describe_machine() -> dict[str, str]:
    """What the benchmark runs on."""
    return {"cores": str(os.cpu_count()), "memory": f"{psutil.virtual_memory().total / 2**30:.1f} GiB"}
