"""Who can read a command's memory and environment."""

import os
import subprocess
import sys

import pytest

DUMPABLE = (
    "import ctypes, sys; sys.argv = ['vibe-search', *sys.argv[1:]]\n"
    "from app.cli import database, main, queue\n"
    "database.url = queue.show = lambda **options: print(ctypes.CDLL(None).prctl(3, 0, 0, 0, 0))\n"
    "main()"
)
"""What PR_GET_DUMPABLE says of a process that runs a command."""


@pytest.mark.parametrize("words", ["db url", "queue"])
@pytest.mark.parametrize(
    ("settings", "dumpable"),
    [({}, "0"), ({"ALLOW_DEBUGGER": "true"}, "1"), ({"ALLOW_DEBUGGER": "false", "HTTP_PORT": "none"}, "0")],
)
def test_only_root_reads_a_commands_memory_unless_a_setting_says_otherwise(
    settings: dict[str, str], dumpable: str, words: str
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", DUMPABLE, *words.split()],
        env=os.environ | settings,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == dumpable
