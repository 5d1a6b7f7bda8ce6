"""How long the page takes from the last letter typed to the results that are painted.

Example:
    python -m scripts.measure.page.keystrokes
"""

import json
from typing import Annotated, Any

import typer
from playwright.sync_api import Page
from rich.console import Console
from rich.progress import track
from rich.table import Table

from app.cli.exit_status import run_to_exit
from app.cli.version import AsJson
from app.measure.browser import open_browser
from app.measure.sample import load_library
from app.measure.speed.figures import Figures
from scripts.measure.page.demo import open_demo

PAUSE_MS = 150
"""What the page waits for another letter, as in app/web/search.js."""

DESCRIPTIONS = ("calm acoustic guitar", "fast energetic electronic dance", "slow sad piano", "warm nostalgic folk")

# A task that a frame's callback posts runs when that frame has been handed over to be painted.
WATCH = """() => {
    const box = document.getElementById("box");
    window.typed = 0;
    window.painted = null;
    box.addEventListener("input", () => { window.typed = performance.now(); window.painted = null; }, true);
    new MutationObserver(() => requestAnimationFrame(() => {
        const channel = new MessageChannel();
        channel.port1.onmessage = () => { window.painted ??= performance.now() - window.typed; };
        channel.port2.postMessage(0);
    })).observe(document.getElementById("results"), { childList: true });
}"""

REQUEST = """() => {
    const all = performance.getEntriesByType("resource").filter((entry) => entry.name.includes("/search/?"));
    performance.clearResourceTimings();
    return all.length === 1 ? all[0].duration : null;
}"""


def main(
    rounds: Annotated[int, typer.Option(min=1, help="How often each query is typed.")] = 4,
    address: Annotated[str | None, typer.Option(help="A server that is running, instead of the demo.")] = None,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port for the demo.")] = 8765,
    as_json: AsJson = False,
) -> None:
    """Serve the demo, type titles and descriptions into the box in Chromium, and time what is seen.

    Examples:
      python -m scripts.measure.page.keystrokes

      python -m scripts.measure.page.keystrokes --rounds 10 --json
    """
    queries = [*(song.title.lower() for song in load_library().tracks), *DESCRIPTIONS] * rounds
    with open_demo(address, port) as demo, open_browser() as browser:
        page = browser.new_page(base_url=demo.address)
        page.goto("/")
        page.evaluate(WATCH)
        _type(page, "warm up")
        shown = track(queries, "typing", console=Console(stderr=True))
        times = [_type(page, query) for query in shown]
    painted = Figures.of([time for time, _ in times])
    figures = {
        "last letter to results painted": painted,
        f"the same without the pause of {PAUSE_MS} ms": Figures.of([time - PAUSE_MS for time, _ in times]),
        "of it, the request": Figures.of([request for _, request in times if request is not None]),
    }
    _show(figures, as_json=as_json)


def _type(page: Page, query: str) -> tuple[float, float | None]:
    """Milliseconds to the results, and of the request; None where there was another."""
    page.locator("#box").fill("")
    page.wait_for_timeout(PAUSE_MS + 100)
    page.evaluate(REQUEST)
    page.locator("#box").press_sequentially(query, delay=20)
    for _ in range(1000):
        page.wait_for_timeout(20)
        painted: float | None = page.evaluate("window.painted")
        if painted is not None:
            request: Any = page.evaluate(REQUEST)
            return painted, request
    raise RuntimeError(f"nothing was shown for “{query}”")


def _show(figures: dict[str, Figures], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps({name: figure.as_dict() for name, figure in figures.items()}))  # noqa: T201 - what was asked for
        return
    table = Table("milliseconds", "queries", "p50", "p95", "p99", "worst")
    for name, it in figures.items():
        table.add_row(name, str(it.runs), f"{it.p50:.1f}", f"{it.p95:.1f}", f"{it.p99:.1f}", f"{it.worst:.1f}")
    Console().print(table)


if __name__ == "__main__":
    run_to_exit(lambda: typer.run(main))
