"""What a decoder can do that a file has taken over: send wrong samples, and nothing else."""

from __future__ import annotations

import json
import logging
import os
import struct
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from models.audio.decoder import end_idle_decoders, missing_protections
from models.audio.sandbox import PROTECTIONS
from models.audio.sandbox.call_filter import assemble
from models.audio.sandbox.system_calls import ARCHITECTURES
from tests.support.breaking_out import break_out
from tests.support.recordings import sample

if TYPE_CHECKING:
    from pathlib import Path

REFUSED = {"EPERM", "EACCES", "ENOSYS", "RuntimeError"}
"""The last is Python's word for a thread that cannot be started."""

CALLS = {
    "landlock": {"x86_64": 444, "aarch64": 444},
    "network namespace": {"x86_64": 272, "aarch64": 97},
    "system call filter": {"x86_64": 317, "aarch64": 277},
    "capabilities": {"x86_64": 126, "aarch64": 91},
}
"""Numbers of the calls that the protections need, by protection and architecture."""

BY_LANDLOCK = {
    "environment of the parent", "memory of the parent", "own memory", "a file", "a file of the project", "a folder",
    "a new file", "removing a file", "an abstract socket", "TCP", "exec", "a signal to the parent",
    "the call process_vm_readv",
}  # fmt: skip
"""What Landlock refuses by itself."""


def test_hostile_code_in_the_decoders_place_reaches_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://user:secret@host/name")
    found, missing = break_out(tmp_path)
    assert "DATABASE_URL" not in found.pop("its environment")
    assert found.pop("its descriptors") == "2", "its connection, and the pipe that ends it with its parent"
    if "system call filter" in missing:
        pytest.skip(f"this machine does not protect from it, as the decoder has told: {missing}")
    assert len(found) > 50
    assert {name: how for name, how in found.items() if how not in REFUSED} == {}


@pytest.mark.parametrize("refused", ["landlock", "network namespace", "system call filter", "capabilities"])
def test_one_protection_is_enough_where_another_is_missing(refused: str, tmp_path: Path) -> None:
    number = CALLS[refused][os.uname().machine]
    program = [sys.executable, "-m", "tests.support.breaking_out", json.dumps([number]), str(tmp_path)]
    done = subprocess.run(program, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found, missing = json.loads(done.stdout)
    assert missing.keys() == missing_protections().keys() | {refused}
    if "system call filter" not in missing:
        del found["its environment"], found["its descriptors"]
        assert {name for name, how in found.items() if how not in REFUSED} == set()
    elif "landlock" not in missing:
        # in a network of its own there is no such abstract socket
        assert {name for name in BY_LANDLOCK if found[name] not in REFUSED | {"ECONNREFUSED"}} == set()


def test_what_a_machine_refuses_is_told_and_decoding_goes_on() -> None:
    code = (
        "import json, os, sys; from tests.support.breaking_out import refuse_calls\n"
        "refuse_calls(json.loads(sys.argv[1]))\n"
        "from models.audio.decoder import missing_protections; from models.audio.decoding import decode\n"
        "for _ in range(2): assert decode(sys.argv[2], 16000, max_seconds=1).size == 16000\n"
        "print(json.dumps(missing_protections()))"
    )
    numbers = json.dumps([of[os.uname().machine] for of in CALLS.values()])
    program = [sys.executable, "-c", code, numbers, str(sample("calm_acoustic_1"))]
    done = subprocess.run(program, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout).keys() >= CALLS.keys()
    assert done.stderr.count("without some of its protections") == 1
    assert all(name in done.stderr for name in CALLS)


def test_nothing_is_logged_where_nothing_is_missing(caplog: pytest.LogCaptureFixture) -> None:
    end_idle_decoders()
    caplog.set_level(logging.DEBUG, "models.audio.decoder")
    missing = missing_protections()
    assert missing.keys() <= set(PROTECTIONS)
    assert missing or not caplog.messages


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_a_filter_looks_at_the_architecture_and_allows_nothing_twice(name: str) -> None:
    architecture = ARCHITECTURES[name]
    assert len(set(architecture.allowed)) == len(architecture.allowed)
    program = list(struct.iter_unpack("HBBI", assemble(architecture, 1)))
    # the first instructions end a process that makes calls by another table of numbers
    assert program[:3] == [(0x20, 0, 0, 4), (0x15, 1, 0, architecture.audit), (0x06, 0, 0, 0x80000000)]
    # every way through it ends in a decision
    assert program[-1] == (0x06, 0, 0, 0x00050001)
    ends = [at + 1 + max(yes, no) for at, (code, yes, no, _) in enumerate(program) if code in {0x15, 0x35, 0x45}]
    assert max(ends) < len(program)
