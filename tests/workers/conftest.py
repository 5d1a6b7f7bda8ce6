"""Running the real worker until its queue is empty."""

import asyncio
from collections.abc import Callable

import pytest

from app.providers import Providers
from app.settings import Settings
from workers.app import run_worker

Drain = Callable[..., None]


@pytest.fixture
def drain(settings: Settings, providers: Providers) -> Drain:
    """Run all jobs that are due in the test's database."""

    def run(with_providers: Providers = providers) -> None:
        asyncio.run(run_worker(str(settings.database_url), settings, with_providers, wait=False))

    return run
