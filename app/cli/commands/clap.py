"""vibe-search clap serve."""

from typing import Annotated

import typer

cli = typer.Typer(help="The CLAP service: a model that others ask over HTTP.", no_args_is_help=True)


@cli.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on (CLAP_HOST).")] = None,
    port: Annotated[int | None, typer.Option(min=1, max=65535, help="Port to listen on (CLAP_PORT).")] = None,
) -> None:
    """Serve the model of CLAP_MODEL: POST /embed_text, POST /embed_audio, GET /healthz.

    Examples:
      vibe-search clap serve
      CLAP_MODEL=musicnn-tags vibe-search clap serve --host 0.0.0.0 --port 9000
    """
    from app.cli.clap import serve

    serve(host=host, port=port)
