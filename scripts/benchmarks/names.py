"""How long searches by name take on a synthetic catalogue, by kind of query.

Builds the catalogue in a database of its own on the configured (or embedded) server, and keeps it for the next run.

Example:
    python -m scripts.benchmarks.names --tracks 100000
"""

import json
import random
import statistics
import time
from typing import Annotated, Any

import psycopg
import typer
from rich.console import Console
from rich.progress import track
from rich.table import Table

from app.cli.version import AsJson
from app.database import connect, migrate, open_database
from app.providers import build_providers
from app.settings import get_settings
from scripts.benchmarks.catalogue import Connection, Sizes, fill

_ABSENT = ("calm acoustic guitar", "warm dreamy ambient pads for sleep", "aggressive distorted metal",
           "upbeat summer dance", "melancholic solo piano in the rain")  # fmt: skip
_cli = typer.Typer(pretty_exceptions_enable=False)


@_cli.command()
def main(
    tracks: Annotated[int, typer.Option(min=1000, help="Size of the catalogue.")] = 100_000,
    queries: Annotated[int, typer.Option(min=20, help="Queries of each kind.")] = 120,
    as_json: AsJson = False,
) -> None:
    """Time search.unified without its vector half, warm, over one connection, the round trip included."""
    with open_database(get_settings()) as url:
        bench_url = _prepare(url, tracks)
        with connect(bench_url) as connection:
            connection.autocommit = True
            mix = _mix(connection, queries)
            times = {kind: _measure(connection, texts) for kind, texts in mix.items()}
    times["all"] = [value for values in times.values() for value in values]
    rows = {kind: _summary(values) for kind, values in times.items()}
    if as_json:
        typer.echo(json.dumps({"tracks": tracks, "milliseconds": rows}, indent=2))
        return
    table = Table("query", "runs", "p50 ms", "p95 ms", "p99 ms", "worst ms", title=f"{tracks:,} tracks")
    for kind, row in rows.items():
        table.add_row(kind, str(row["runs"]), *(f"{row[name]:.1f}" for name in ("p50", "p95", "p99", "worst")))
    Console().print(table)


def _prepare(url: str, tracks: int) -> str:
    name = f"vibe_search_bench_{tracks}"
    bench_url = _as_url(url, name)
    with psycopg.connect(url, autocommit=True) as admin:
        found = admin.execute("select from pg_database where datname = %s", [name]).fetchone()
        if found is not None:
            return bench_url
        admin.execute(f"create database {name}".encode())
    console = Console(stderr=True)
    with console.status(f"building {tracks:,} tracks in {name}"):
        migrate(bench_url, build_providers(get_settings()).embedding.card)
        with connect(bench_url) as connection:
            fill(connection, Sizes(tracks))
            connection.commit()
            connection.execute("select search.rebuild_documents()")
        with psycopg.connect(bench_url, autocommit=True) as connection:
            connection.execute("vacuum analyze")
    return bench_url


def _as_url(url: str, name: str) -> str:
    scheme, _, rest = url.partition("://")
    host, _, path = rest.partition("/")
    _, mark, options = path.partition("?")
    return f"{scheme}://{host}/{name}{mark}{options}"


def _mix(connection: Connection, count: int) -> dict[str, list[str]]:
    """Queries by kind; the same catalogue always gives the same."""
    dice = random.Random(5)  # noqa: S311 - chooses queries, guards nothing
    rows = connection.execute(
        "select t.title, a.display_name from tracks t join artists a on a.did = t.artist_did "
        "order by md5(t.id::text) limit %s",
        [count],
    ).fetchall()
    titles = [str(row[0]) for row in rows]
    common = connection.execute(
        "select word from (select unnest(string_to_array(normalized, ' ')) as word from search.documents "
        "where kind = 'track' limit 200000) as words group by word order by count(*) desc limit 30"
    ).fetchall()
    words = [str(row[0]) for row in common]
    mix = {"exact title": titles}
    mix |= {f"{length} letters": [title[:length] for title in titles if len(title) > length] for length in (2, 3, 5, 8)}
    mix["one typo"] = [typo for title in titles if (typo := _misspell(title, 1, 4, dice))]
    mix["two typos"] = [typo for title in titles if (typo := _misspell(title, 2, 8, dice))]
    mix["artist"] = [str(row[1]) for row in rows]
    mix["two fields"] = [f"{str(row[1]).split()[0]} {str(row[0]).split()[0]}" for row in rows]
    mix["words swapped"] = [" ".join(reversed(title.split())) for title in titles if " " in title]
    mix["common words"] = words + [f"{one} {other}" for one in words[:10] for other in words[:10] if one != other]
    mix["no such name"] = list(_ABSENT) * (count // len(_ABSENT))
    return mix


def _misspell(title: str, typos: int, shortest: int, dice: random.Random) -> str | None:
    words = title.split()
    long = [place for place, word in enumerate(words) if len(word) >= shortest]
    if not long:
        return None
    place = dice.choice(long)
    for _ in range(typos):
        word = words[place]
        at = dice.randrange(1, len(word) - 1)
        letter = dice.choice("abcdefghijklmnopqrstuvwxyz")
        words[place] = dice.choice(
            (
                word[:at] + word[at + 1 :],
                word[:at] + letter + word[at + 1 :],
                word[: at - 1] + word[at] + word[at - 1] + word[at + 1 :],
            )
        )
    return " ".join(words)


def _measure(connection: Connection, texts: list[str]) -> list[float]:
    times = []
    statement = "select * from search.unified(%s)"
    for text in texts[:8]:
        connection.execute(statement, [text]).fetchall()
    for text in track(texts, transient=True):
        started = time.perf_counter()
        connection.execute(statement, [text]).fetchall()
        times.append((time.perf_counter() - started) * 1000)
    return times


def _summary(values: list[float]) -> dict[str, Any]:
    cuts = statistics.quantiles(values, n=100)
    return {"runs": len(values), "p50": cuts[49], "p95": cuts[94], "p99": cuts[98], "worst": max(values)}


if __name__ == "__main__":
    _cli()
