"""vibe-search demo, serve and worker."""

from typing import Annotated

import typer


def demo(
    once: Annotated[bool, typer.Option("--once", help="Stop after the example searches.")] = False,
    port: Annotated[int | None, typer.Option(min=1, max=65535, help="Port to serve on (HTTP_PORT).")] = None,
) -> None:
    """Import the sample library into an embedded Postgres, embed, classify and search it, and serve it until Ctrl-C.

    Examples:
      vibe-search demo
      vibe-search demo --once
    """
    from app.cli.demo import demo

    demo(once=once, port=port)


def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on (HTTP_HOST).")] = None,
    port: Annotated[int | None, typer.Option(min=1, max=65535, help="Port to listen on (HTTP_PORT).")] = None,
) -> None:
    """Serve the API and the page.

    Examples:
      vibe-search serve
      DATABASE_URL=postgresql://vibe@localhost/music vibe-search serve --host 0.0.0.0 --port 9000
    """
    from app.cli.serve import serve

    serve(host=host, port=port)


def worker(
    drain: Annotated[bool, typer.Option("--drain", help="Stop when no job is due any more.")] = False,
    concurrency: Annotated[
        int | None, typer.Option(min=1, max=256, help="Jobs at the same time (WORKER_CONCURRENCY).")
    ] = None,
) -> None:
    """Run the jobs that embed and classify tracks.

    Each job under way takes a thread, a decoder process of about 50 MB and the memory of the models, which all share.
    SIGTERM and Ctrl-C let the jobs under way finish, for 30 s; what is not finished then goes back to the queue. What
    a killed worker had begun is given back by another within two minutes. When Postgres goes away, the worker waits
    for it and goes on.

    Examples:
      vibe-search worker --concurrency 4
      vibe-search worker --drain
    """
    from app.cli.worker import worker

    worker(drain=drain, concurrency=concurrency)
