"""vibe-search clap serve."""

import asyncio
from contextlib import suppress

import uvicorn

from app.cli.serve import listen
from app.errors import UserError
from app.providers import build_clap_service
from app.settings import get_settings
from models.registry import ModelFileError

_FEWEST_CONNECTIONS = 32


def serve(*, host: str | None, port: int | None) -> None:
    """Serve the model of CLAP_MODEL: POST /embed_text, POST /embed_audio, GET /healthz."""
    # FastAPI takes long to import, and most commands serve nothing
    from services.clap.server import create_clap_api  # noqa: PLC0415
    from services.slow_clients import BoundedHeadProtocol  # noqa: PLC0415

    settings = get_settings()
    service, limits = build_clap_service(settings)
    try:
        service.load()
    except ModelFileError as error:
        raise UserError(f"CLAP_MODEL: {error}") from error
    with listen(host or settings.clap_host, port or settings.clap_port, "CLAP_PORT") as listener:
        config = uvicorn.Config(
            create_clap_api(service, limits),
            http=BoundedHeadProtocol,
            log_level="warning",
            server_header=False,
            timeout_graceful_shutdown=30,
            # each may hold a whole request in memory
            limit_concurrency=max(_FEWEST_CONNECTIONS, 4 * limits.concurrency),
        )
        with suppress(KeyboardInterrupt):  # the ordinary end
            asyncio.run(uvicorn.Server(config).serve(sockets=[listener]))
