"""The container files against each other, the settings and the command line; no engine is needed.

scripts/compose_check.sh runs them on one.
"""

import json
import re
import shlex
import tomllib
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml  # type: ignore[import-untyped]  # its stubs are a package of their own

from app.cli.command import cli
from app.database import EmbeddedPostgres, connect
from app.http.routes.health import router
from app.settings import Settings

ROOT = Path(__file__).resolve().parents[1]
COMPOSE = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
ENV_EXAMPLE = (ROOT / ".env.example").read_text(encoding="utf-8")
IGNORED = (ROOT / ".dockerignore").read_text(encoding="utf-8")
CHECK = (ROOT / "scripts" / "compose_check.sh").read_text(encoding="utf-8")

SETTINGS = {name.upper() for name in Settings.model_fields}
OF_CLAP = {name for name in SETTINGS if name.startswith("CLAP_")}
"""Settings of the CLAP service."""

NOT_HANDED_ON = {"HTTP_HOST", "HTTP_PORT", "CLAP_HOST", "CLAP_PORT"}
"""Inside a container the address is fixed; outside, HTTP_PORT is published."""

SERVICES: dict[str, dict[str, Any]] = yaml.safe_load(COMPOSE)["services"]
OURS = {name: service for name, service in SERVICES.items() if name != "db"}


@pytest.mark.parametrize("name", sorted(OURS))
def test_our_services_share_one_image(name: str) -> None:
    assert OURS[name]["image"] == OURS["api"]["image"]
    # two services that build one image race each other for its name
    assert ("build" in OURS[name]) == (name == "migrate")


def test_order_of_start() -> None:
    conditions = {
        name: {upstream: wait["condition"] for upstream, wait in service.get("depends_on", {}).items()}
        for name, service in SERVICES.items()
    }
    assert conditions == {
        "db": {},
        "migrate": {"db": "service_healthy"},
        "api": {"migrate": "service_completed_successfully"},
        "worker": {"migrate": "service_completed_successfully"},
        "clap": {"migrate": "service_completed_successfully"},
    }
    assert "pg_isready" in " ".join(SERVICES["db"]["healthcheck"]["test"])
    # with any other policy a migration that fails would be waited for, for ever
    assert SERVICES["migrate"]["restart"] == "no"
    assert {SERVICES[name]["restart"] for name in ("db", "api", "worker", "clap")} == {"unless-stopped"}


def test_worker_can_be_scaled() -> None:
    assert not {"container_name", "ports", "hostname"} & SERVICES["worker"].keys()
    # run_worker gives jobs 30 seconds; killed before, they wait for a rescue
    assert int(SERVICES["worker"]["stop_grace_period"].removesuffix("s")) > 30


def test_nothing_is_published_beyond_this_machine() -> None:
    published = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert published == ["127.0.0.1:${HTTP_PORT:-8000}:8000"]


def test_volumes() -> None:
    volumes = {name: service.get("volumes", []) for name, service in SERVICES.items()}
    conf = "/etc/postgresql/postgresql.conf"
    assert volumes.pop("db") == ["db:/var/lib/postgresql", f"./sql/postgresql.conf:{conf}:ro"]
    assert SERVICES["db"]["command"] == ["postgres", "-c", f"config_file={conf}"]
    for name, mounted in volumes.items():
        data_dir = SERVICES[name]["environment"]["DATA_DIR"]
        assert mounted == [f"data:{data_dir}"]
        # made by the image, or the volume would belong to root
        assert re.search(rf"install --directory --owner vibe .* {data_dir}$", DOCKERFILE, re.MULTILINE)


def test_only_migrations_have_the_owners_password() -> None:
    owner = SERVICES["db"]["environment"]["POSTGRES_PASSWORD"]
    having = {name for name, service in OURS.items() if owner in service["environment"].values()}
    assert having == {"migrate"}
    for name in OURS.keys() - {"migrate"}:
        assert OURS[name]["environment"]["DATABASE_URL"].startswith("postgresql://vibe_app@")
        assert "VIBE_READER_PASSWORD" not in OURS[name]["environment"]


def test_nothing_can_be_written_but_volumes_and_memory() -> None:
    for name, service in SERVICES.items():
        assert service["read_only"], name
        assert "/tmp" in service["tmpfs"], name  # noqa: S108 - a path in a container
        assert service["cap_drop"] == ["ALL"], name
        assert "no-new-privileges:true" in service["security_opt"], name


def test_postgres_takes_every_line_of_its_configuration(tmp_path_factory: pytest.TempPathFactory) -> None:
    lines = (ROOT / "sql" / "postgresql.conf").read_text(encoding="utf-8").splitlines()
    found = [match for line in lines if (match := re.match(r"([a-z_.]+) = ('[^']*'|\S+)", line))]
    wanted = {match[1]: match[2].strip("'") for match in found}
    assert len(wanted) == sum(bool(line.strip()) and not line.startswith("#") for line in lines) > 15
    # this server listens on a socket alone
    wanted.pop("listen_addresses")
    folder = tmp_path_factory.mktemp("conf") / "postgres"
    with EmbeddedPostgres(folder, settings=wanted) as server, connect(server.url) as connection:
        for name, value in wanted.items():
            row = connection.execute("select current_setting(%s)", [name]).fetchone()
            assert row == (value,), name
        assert connection.execute("select name from pg_settings where pending_restart").fetchall() == []


def test_only_what_is_asked_for_starts() -> None:
    assert {name: service["profiles"] for name, service in SERVICES.items() if "profiles" in service} == {
        "clap": ["clap"]
    }


def test_no_passwords() -> None:
    for service in SERVICES.values():
        for name, value in service["environment"].items():
            if "PASSWORD" in name:
                required = r"\$\{(POSTGRES|VIBE_APP)_PASSWORD:\?.*\.env\.example\}"
                assert value is None or re.fullmatch(required, value)
    for text in (COMPOSE, DOCKERFILE, ENV_EXAMPLE):
        # not even by a variable: its characters could end the password early
        assert not re.search(r"://[^\s/@]*:[^\s/@]*@", re.sub(r"\$\{.*?\}", "", text)), "a URL with a password in it"
    secrets = re.findall(r"^#? ?(\w*(?:PASSWORD|SECRET|TOKEN|KEY)\w*)=(.*)$", ENV_EXAMPLE, re.MULTILINE)
    assert {"POSTGRES_PASSWORD", "VIBE_APP_PASSWORD"} <= dict(secrets).keys()
    assert {name: value for name, value in secrets if value} == {}


def test_variables_have_a_reader() -> None:
    build_arguments = set(re.findall(r"^ARG (\w+)", DOCKERFILE, re.MULTILINE))
    in_containers = {name for service in OURS.values() for name in service["environment"]}
    interpolated = set(re.findall(r"(?<!\$)\$\{(\w+)", COMPOSE))
    exemplified = set(re.findall(r"^#?([A-Z0-9_]+)=", ENV_EXAMPLE, re.MULTILINE))

    # read by libpq, by Python, by db roles, and to explain a refusal
    passwords = {"VIBE_APP_PASSWORD", "VIBE_READER_PASSWORD", "POSTGRES_PASSWORD"}
    assert in_containers - SETTINGS == {"PGPASSWORD", "TMPDIR"} | passwords
    postgres = {"POSTGRES_USER", "POSTGRES_PASSWORD", "POSTGRES_DB"}
    assert interpolated == postgres | build_arguments | {"HTTP_PORT", "VIBE_APP_PASSWORD"}
    assert SERVICES["db"]["environment"].keys() == postgres
    assert build_arguments == OURS["migrate"]["build"]["args"].keys()
    handed_on = {name for service in OURS.values() for name, value in service["environment"].items() if value is None}
    assert exemplified == interpolated | handed_on


def test_every_setting_reaches_the_containers() -> None:
    for name, service in OURS.items():
        others = set() if name == "clap" else OF_CLAP
        missing = SETTINGS - NOT_HANDED_ON - others - service["environment"].keys()
        assert not missing, f"add to x-vibe-search in docker-compose.yml and to .env.example: {sorted(missing)}"


def test_defaults_in_the_example(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    for name, value in re.findall(r"^#([A-Z0-9_]+)=(.*)$", ENV_EXAMPLE, re.MULTILINE):
        if name in SETTINGS:
            file.write_text(f"{name}={value}\n", encoding="utf-8")
            assert Settings(_env_file=file) == Settings(_env_file=None), name


def _commands() -> list[list[str]]:
    """Every vibe-search command line of the container files."""
    in_compose = [service["command"] for service in OURS.values()]
    default = re.findall(r"^CMD (\[.*\])$", DOCKERFILE, re.MULTILINE)
    in_text = re.findall(r"\bapi (vibe-search(?: [a-z-]+)+)", COMPOSE + CHECK)
    return [*in_compose, json.loads(default[-1]), *(found.split() for found in in_text)]


@pytest.mark.parametrize("words", _commands(), ids=" ".join)
def test_commands_exist(words: list[str]) -> None:
    assert words[0] == "vibe-search"
    command: Any = typer.main.get_command(cli)
    rest = words[1:]
    while hasattr(command, "commands"):
        command = command.commands[rest.pop(0)]
    # parses what is left, and refuses an option that the command does not have
    command.make_context(command.name, rest)


def test_image_runs_without_root_and_tools() -> None:
    bases = re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)
    assert bases == ["python:3.11-slim-bookworm"] * 2
    final = DOCKERFILE.rpartition("\nFROM ")[2]
    user = re.findall(r"^USER (\d+):(\d+)$", final, re.MULTILINE)
    assert user
    assert "0" not in user[-1]
    assert "apt-get" not in final
    assert not re.search(r"\bpip\b", final)


def test_image_sends_no_telemetry() -> None:
    # the runtime reads it when it is loaded, and is on by default
    assert "ORT_DISABLE_TELEMETRY=1" in DOCKERFILE.rpartition("\nFROM ")[2].split()


def test_image_is_checked_by_a_route_that_exists() -> None:
    # compose asks only the service that serves; elsewhere the image's own check would never pass
    asked = re.findall(r"HEALTHCHECK[^\n]*\\\n.*?(/[a-z]+)'", DOCKERFILE)
    assert asked
    assert set(asked) <= {getattr(route, "path", None) for route in router.routes}
    assert [name for name, service in OURS.items() if not service.get("healthcheck", {}).get("disable")] == [
        "api",
        "clap",
    ]


def test_build_context() -> None:
    rules = [line for line in IGNORED.splitlines() if line and not line.startswith("#")]
    assert rules[0] == "*"
    let_in = {rule.removeprefix("!") for rule in rules if rule.startswith("!")}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    packages = project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    assert let_in == {*packages, project["project"]["readme"], "pyproject.toml", "constraints.txt"}
    # the folders that stand in for the packages while dependencies are installed
    assert f"mkdir {' '.join(packages)} " in DOCKERFILE


GUIDE = (ROOT / "docs" / "how-to" / "run-in-containers.md").read_text(encoding="utf-8")


def _documented() -> list[str]:
    """The command lines of the how-to, as they are typed."""
    blocks = re.findall(r"^```console\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)
    lines = [line.removeprefix("$ ").split("  #")[0].strip() for block in blocks for line in block.splitlines()]
    return [line for line in lines if line.startswith("docker compose ")]


def test_documented_commands_name_services_and_files_pass_no_terminal() -> None:
    lines = _documented()
    used = [line.split() for line in lines if re.search(r" (exec|run) ", line)]
    assert len(used) >= 10
    for words in used:
        named = next(word for word in words[3:] if word in SERVICES)
        # docker opens a terminal for exec, and run takes no file without -T; both change bytes
        if {"<", ">"} & set(words):
            assert "-T" in words[: words.index(named)], words
    assert any("pg_restore" in words for words in used)


@pytest.mark.parametrize("line", [line for line in _documented() if " vibe-search " in line and "--from" not in line])
def test_documented_commands_exist(line: str) -> None:
    test_commands_exist(shlex.split(line[line.index(" vibe-search ") :]))
