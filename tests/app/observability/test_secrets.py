"""No secret stands in what is printed, logged or answered."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from app.settings import Settings
from tests.support.command import run_command
from tests.support.session_app import session_app

CANARIES = {
    "R2_SECRET_ACCESS_KEY": "canary-bucket",
    "REPLICATE_API_TOKEN": "canary-replicate",
    "TURBOPUFFER_API_KEY": "canary-turbopuffer",
    "VIEWER_JWT_SECRET": "canary-of-the-tokens-that-an-application-signs",
}
IN_URL = "canary-url"


def test_every_setting_that_sounds_secret_is_one() -> None:
    named = {name for name in Settings.model_fields if name.endswith(("_key", "_token", "_secret", "_password"))}
    secret = {name for name, field in Settings.model_fields.items() if "SecretStr" in str(field.annotation)}
    assert named == secret
    assert {name.upper() for name in secret} == set(CANARIES)


def test_settings_do_not_show_them() -> None:
    secret: dict[str, Any] = {name.lower(): SecretStr(value) for name, value in CANARIES.items()}
    settings = Settings(_env_file=None, **secret)
    shown = f"{settings!r} {settings} {settings.model_dump()} {settings.model_dump_json()}"
    assert not any(value in shown for value in CANARIES.values())


COMMANDS = [
    ["serve", "--port", "18432"],
    ["worker", "--drain"],
    ["search", "calm", "--json"],
    ["mirror", "status", "--json"],
    ["mirror", "verify"],
    ["models", "list", "--json"],
    ["queue", "--json"],
    ["db", "migrate", "--json"],
]


def test_no_cookie_of_the_application_is_logged() -> None:
    """An answer may renew the session's cookie, and HTTP libraries log the heads of answers."""
    script = (
        "import asyncio, sys\n"
        "from app.observability.log import configure_service_log\n"
        "from app.settings import Settings\n"
        "from services.viewer import ApplicationViewers, Credentials\n"
        "async def ask():\n"
        "    viewers = ApplicationViewers(sys.argv[1], timeout_seconds=60)\n"
        "    found = await viewers.find(Credentials('session_id=canary-cookie', 'canary-token'))\n"
        "    await viewers.close()\n"
        "    print(found)\n"
        "configure_service_log(Settings(_env_file=None, log_level='debug'))\n"
        "asyncio.run(ask())\n"
    )
    with session_app({"canary-cookie": "did:plc:ann"}) as application:
        command = [sys.executable, "-c", script, application.url]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "did:plc:ann\n"
    assert "DEBUG" in done.stderr
    assert not any(secret in done.stderr for secret in ("canary", "renewed", "did:plc:ann"))


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_no_command_shows_them_when_nothing_answers(command: list[str], tmp_path: Path) -> None:
    """Every address leads to a port where nobody listens, and everything is logged."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("DATABASE", "PG"))}
    environment |= CANARIES | {
        "DATABASE_URL": f"postgresql://vibe:{IN_URL}@127.0.0.1:1/none",
        "DATA_DIR": str(tmp_path),
        "AUDIO_STORE": "s3",
        "R2_ENDPOINT_URL": "http://127.0.0.1:1",
        "R2_BUCKET": "bucket",
        "R2_ACCESS_KEY_ID": "somebody",
        "GENRE_PROVIDER": "replicate",
        "REPLICATE_ENABLED": "true",
        "REPLICATE_BASE_URL": "http://127.0.0.1:1",
        "TURBOPUFFER_ENABLED": "true",
        "TURBOPUFFER_BASE_URL": "http://127.0.0.1:1",
        "LOG_LEVEL": "debug",
        "LOG_QUERIES": "true",
    }
    done = run_command("--verbose", *command, environment=environment)
    assert done.returncode in ({0} if command[0] == "models" else {1, 2}), done.stderr
    for value in (*CANARIES.values(), IN_URL):
        assert value not in done.stdout + done.stderr
