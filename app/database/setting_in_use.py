"""Which setting holds the URL in use, so that messages about a connection name it."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

DIRECT_URL = "DATABASE_DIRECT_URL"

_SETTING = ContextVar("database_setting", default="DATABASE_URL")


def setting_in_use() -> str:
    """Name of the setting to correct where a connection fails: DATABASE_URL, unless ``using_setting`` says another."""
    return _SETTING.get()


@contextmanager
def using_setting(name: str) -> Iterator[None]:
    """Have messages name this setting while the context is open."""
    token = _SETTING.set(name)
    try:
        yield
    finally:
        _SETTING.reset(token)
