"""The demo, started for a while."""

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from app.errors import UserError

_ADDRESS = re.compile(r"http://127\.0\.0\.1:\d+")
_TOKEN = re.compile(r"token for uploads as .*: (\S+)")


@dataclass(frozen=True)
class Demo:
    """What is served.

    Attributes:
        address: Of the server, without a slash at the end.
        token: To upload with; None where the server was there before.
    """

    address: str
    token: str | None


@contextmanager
def open_demo(address: str | None, port: int) -> Iterator[Demo]:
    """Serve the sample library from a folder that is thrown away, once it is embedded.

    Args:
        address: Of a server that is there already, which is then used.
        port: Where else to serve.

    Raises:
        UserError: The demo did not start.
    """
    if address is not None:
        yield Demo(address.rstrip("/"), None)
        return
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-c", "from app.cli import main; main()", "demo", "--port", str(port)]
        environment = os.environ | {"DATA_DIR": folder, "COLUMNS": "200"}
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:  # noqa: S603 - no words of anybody's
            try:
                yield _read(process)
            finally:
                process.terminate()
                process.wait(30)


def _read(process: "subprocess.Popen[str]") -> Demo:
    assert process.stdout is not None  # noqa: S101 - it was asked for
    said, token = [], None
    for line in process.stdout:
        said.append(line)
        issued = _TOKEN.search(line)
        token = issued.group(1) if issued else token
        served = _ADDRESS.search(line)
        if served:
            return Demo(served.group(), token)
    raise UserError(f"the demo did not start:\n{''.join(said[-20:])}")
