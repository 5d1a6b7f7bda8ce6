"""The nginx configurations of the documentation, run as they stand there but for their addresses."""

import re
import shutil
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.served import running

ROOT = Path(__file__).resolve().parents[2]
needs_nginx = pytest.mark.skipif(shutil.which("nginx") is None, reason="nginx is not installed: `make nginx`")


def pages() -> dict[str, list[str]]:
    """The blocks of nginx's language, by the page that has them."""
    found = {
        str(page.relative_to(ROOT)): re.findall(
            r"^```nginx\n(.*?)^```$", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
        )
        for page in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]
    }
    return {page: blocks for page, blocks in found.items() if blocks}


def documented(page: str, replaced: Mapping[str, str]) -> str:
    """The configuration of a page.

    Args:
        page: Below the project's folder.
        replaced: What is put in the place of addresses and names of files, each of which the page must have.
    """
    (text,) = pages()[page]
    for before, after in replaced.items():
        assert before in text, before
        text = text.replace(before, after)
    return text


def free_port() -> int:
    """A port of 127.0.0.1 that nothing listens on."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


@contextmanager
def nginx(configuration: str, folder: Path, port: int) -> Iterator[None]:
    """A real nginx, once it listens.

    Args:
        configuration: All of its file.
        folder: Where it keeps that.
        port: Of 127.0.0.1, on which it listens by its configuration.
    """
    file = folder / "nginx.conf"
    file.write_text(configuration, encoding="utf-8")
    outside = f"daemon off; pid {folder}/nginx.pid; error_log {folder}/error.log;"
    with running(["nginx", "-p", folder, "-c", file, "-g", outside], lambda: _listens(port)):
        yield


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port)).close()
    except ConnectionRefusedError:
        return False
    return True
