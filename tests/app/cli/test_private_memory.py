"""Who can read a command's memory and environment."""

import os
import subprocess
import sys

import pytest

DUMPABLE = (
    "import ctypes, sys; sys.argv = ['vibe-search', 'version']\n"
    "from app.cli import command\n"
    "command.run_to_exit = lambda *a, **k: print(ctypes.CDLL(None).prctl(3, 0, 0, 0, 0))\n"
    "command.main()"
)
"""What PR_GET_DUMPABLE says of a process that runs a command."""


@pytest.mark.parametrize(
    ("settings", "dumpable"),
    [({}, "0"), ({"ALLOW_DEBUGGER": "true"}, "1"), ({"ALLOW_DEBUGGER": "false", "HTTP_PORT": "none"}, "0")],
)
def test_only_root_reads_a_commands_memory_unless_a_setting_says_otherwise(
    settings: dict[str, str], dumpable: str
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", DUMPABLE], env=os.environ | settings, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == dumpable
