"""A Chromium that is installed here."""

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from playwright.sync_api import Browser, sync_playwright

from app.errors import UserError

NAMES = ("chromium", "chromium-browser", "google-chrome")
"""Commands that start one, the usual one on Debian first."""


@contextmanager
def open_browser(arguments: Sequence[str] = ()) -> Iterator[Browser]:
    """Start Chromium; as long as it runs, this thread has an event loop of its own.

    Args:
        arguments: Of the command.

    Raises:
        UserError: There is none.
    """
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        raise UserError("Chromium is missing: make browser installs it")
    # its sandbox does not start as root
    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=found, args=[*sandbox, *arguments])
