"""The documentation against the code: what it must mention, and what it says that a machine can check."""

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from difflib import SequenceMatcher
from html.parser import HTMLParser
from importlib import import_module
from importlib.metadata import files as installed_files
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

import psycopg
import typer
from annotated_types import Ge, Gt, Le
from starlette.routing import Mount

import app.http.routes
from app.cli.command import cli
from app.cli.demo import EXAMPLES
from app.http.application import create_api
from app.measure.relevance import load_labels
from app.measure.sample import load_library
from app.providers import Providers
from app.settings import Settings

ROOT = Path(__file__).resolve().parents[1]
PAGES = [
    *(ROOT / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
]
SAMPLE = ROOT / "app" / "measure" / "sample"


def read(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def section(text: str, heading: str) -> str:
    """What stands under a heading, down to the next one of its level or above."""
    level = len(heading) - len(heading.lstrip("#"))
    found = re.search(rf"^{re.escape(heading)}\n(.*?)(?=^#{{1,{level}}} |\Z)", text, re.MULTILINE | re.DOTALL)
    return found[1] if found else ""


def table_rows(text: str) -> list[list[str]]:
    """Cells of every row of every table."""
    lines = [line for line in text.splitlines() if line.startswith("|") and not line.startswith("|---")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]


def code_in(text: str) -> set[str]:
    """Everything that stands in backticks, code blocks left out."""
    prose = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    return set(re.findall(r"`([^`\n]+)`", prose))


# --- tests that pages name


def test_the_tests_of_a_promise_are_there() -> None:
    named = [name.partition("::") for name in code_in(read("SECURITY.md")) if name.startswith("tests/")]
    assert len(named) > 30
    assert [path for path, _, _ in named if not (ROOT / path).exists()] == []
    assert [f"{path}::{test}" for path, _, test in named if test and f"def {test}(" not in read(path)] == []


# --- settings


def allowed(metadata: list[Any]) -> str | None:
    """A field's bounds in the words of the page; None where there are none."""
    low = next((bound.ge for bound in metadata if isinstance(bound, Ge)), None)
    above = next((bound.gt for bound in metadata if isinstance(bound, Gt)), None)
    high = next((bound.le for bound in metadata if isinstance(bound, Le)), None)
    if low is not None:
        return f"{low} to {high}" if high is not None else f"{low} or more"
    if above is not None:
        return f"more than {above}" + (f", at most {high}" if high is not None else "")
    return None


def documented_settings() -> dict[str, list[str]]:
    rows = table_rows(read("docs/reference/settings.md"))
    return {row[0].strip("`"): row for row in rows if row[0].startswith("`")}


def test_settings_are_documented_with_their_defaults() -> None:
    documented = documented_settings()
    assert documented.keys() == {name.upper() for name in Settings.model_fields}
    names = {bool: "true or false", int: "integer", float: "number", Path: "path"}
    wrong = []
    for name, field in Settings.model_fields.items():
        _, kind, default, limits, _ = documented[name.upper()]
        written = str(field.default).lower() if isinstance(field.default, bool) else field.default
        expected = names.get(field.annotation, "text") if isinstance(field.annotation, type) else "text"
        bounds = allowed(field.metadata)
        if (kind, default) != (expected, "unset" if field.default is None else f"`{written}`"):
            wrong.append(f"{name}: {expected}, {written}")
        if bounds is not None and limits != bounds:
            wrong.append(f"{name}: {bounds}")
    assert wrong == []


# --- http


def endpoints(providers: Providers) -> set[str]:
    """Method and path of everything that the web process answers."""
    api = create_api("postgresql://localhost/none", Settings(_env_file=None), providers)
    modules = [import_module(f"app.http.routes.{found.name}") for found in iter_modules(app.http.routes.__path__)]
    routes = [*api.routes, *(route for module in modules for route in module.router.routes)]
    found = {
        f"{method} {route.path}"
        for route in routes
        if (methods := getattr(route, "methods", None))
        for method in (methods - {"HEAD"} if "GET" in methods else methods)
    }
    mounts = {f"GET {route.path}/..." for route in api.routes if isinstance(route, Mount)}
    published = {f"{method.upper()} {path}" for path, item in api.openapi()["paths"].items() for method in item}
    assert published <= found, "an endpoint is in no module of app.http.routes"
    return found | mounts


def test_endpoints_are_documented(providers: Providers) -> None:
    page = read("docs/reference/http.md")
    documented = {name for name in code_in(page) if re.match(r"(GET|HEAD|POST|PUT|PATCH|DELETE) /", name)}
    assert documented == endpoints(providers)


def test_endpoint_parameters_and_statuses_are_documented(providers: Providers) -> None:
    page = read("docs/reference/http.md")
    api = create_api("postgresql://localhost/none", Settings(_env_file=None), providers)
    for path, item in api.openapi()["paths"].items():
        for method, operation in item.items():
            text = section(page, f"## `{method.upper()} {path}`")
            for status in operation["responses"]:
                assert re.search(rf"\b{status}\b", text), f"{path}: status {status}"
            for parameter in operation.get("parameters", []):
                if parameter["in"] == "query":
                    row = next((row for row in table_rows(text) if row[0] == f"`{parameter['name']}`"), None)
                    assert row is not None, f"{path}: parameter {parameter['name']}"
                    schema = parameter["schema"]
                    default = schema.get("default", "all")
                    # JSON's words, as they are sent
                    shown = f"`{str(default).lower()}`" if isinstance(default, bool) else str(default)
                    assert row[1] == ("required" if parameter["required"] else shown)
                    low = schema.get("minLength", schema.get("minimum"))
                    high = schema.get("maxLength", schema.get("maximum"))
                    assert low is None or row[2].startswith(f"{low} to {high}"), f"{path}: limits of {row[0]}"


def test_answer_fields_are_documented(providers: Providers) -> None:
    documented = code_in(read("docs/reference/http.md"))
    api = create_api("postgresql://localhost/none", Settings(_env_file=None), providers)
    ours = {
        name: schema
        for name, schema in api.openapi()["components"]["schemas"].items()
        if "ValidationError" not in name and name not in {"HealthResponse", "UnavailableResponse"}
    }
    missing = {
        f"{name}.{field}" for name, schema in ours.items() for field in schema.get("properties", {}).keys() - documented
    }
    assert not missing


# --- command line


def commands(command: Any, path: str = "vibe-search") -> Iterator[tuple[str, Any]]:
    """Every command that does something, by the words that call it."""
    if hasattr(command, "commands"):
        if command.invoke_without_command:
            yield path, command
        for name, child in command.commands.items():
            yield from commands(child, f"{path} {name}")
    else:
        yield path, command


COMMANDS = dict(commands(typer.main.get_command(cli)))


def test_commands_are_documented_with_their_options() -> None:
    page = read("docs/reference/cli.md")
    wrong = []
    for name, command in COMMANDS.items():
        text = section(page, f"## `{name}`")
        parameters = [parameter for parameter in command.params if parameter.param_type_name == "option"]
        options = {option for parameter in parameters for option in parameter.opts} - {"--help"}
        if not text or {cell for row in table_rows(text) for cell in code_in(row[0])} != options:
            wrong.append(f"{name}: {sorted(options)}")
    assert wrong == []


def test_scripts_are_documented_with_their_options() -> None:
    page = read("docs/reference/cli.md")
    scripts = {"backfill_embeddings": "backfill embeddings", "backfill_genres": "backfill genres", "ml_audit": "audit"}
    for name, words in scripts.items():
        script = typer.Typer(add_completion=False)
        script.command()(import_module(f"scripts.{name}").main)
        command = typer.main.get_command(script)
        assert all(getattr(parameter, "help", None) for parameter in command.params), name
        options = {option for parameter in command.params for option in parameter.opts}
        assert f"`scripts/{name}.py`" in section(page, "## Scripts")
        text = section(page, f"## `vibe-search {words}`")
        documented = {cell for row in table_rows(text) for cell in code_in(row[0])}
        assert documented == options - {"--help"}, name


def test_no_command_is_documented_that_does_not_exist() -> None:
    documented = re.findall(r"^## `(vibe-search [^`]+)`$", read("docs/reference/cli.md"), re.MULTILINE)
    assert set(documented) == set(COMMANDS)


def test_general_options_and_exit_codes_are_documented() -> None:
    page = read("docs/reference/cli.md")
    root = typer.main.get_command(cli)
    assert {option for parameter in root.params for option in parameter.opts} - {"--help"} <= code_in(page)
    assert {row[0] for row in table_rows(section(page, "## Exit codes"))} == {"Code", "0", "1", "2", "130", "141"}


def test_make_targets_are_documented() -> None:
    targets = set(re.findall(r"^([a-z-]+):.*## ", read("Makefile"), re.MULTILINE))
    documented = {row[0] for row in table_rows(section(read("docs/reference/cli.md"), "## Make targets"))}
    assert documented == {"Target"} | {f"`make {target}`" for target in targets}


def test_commands_that_pages_name_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", read("Makefile"), re.MULTILINE))
    unknown = []
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        blocks = re.findall(r"^```(?:console|bash)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
        code = "\n".join([*code_in(text), *blocks])
        for first, second in re.findall(
            r"(?<![\w/])(?:\.venv/bin/)?vibe-search(?: --verbose)? ([a-z]+)(?: ([a-z]+))?", code
        ):
            if not {f"vibe-search {first}", f"vibe-search {first} {second}"} & COMMANDS.keys():
                unknown.append(f"{page.name}: vibe-search {first} {second}")
        named = set(re.findall(r"^(?:\$ )?make ([a-z-]+)", code, re.MULTILINE))
        unknown += [f"{page.name}: make {target}" for target in named - targets]
    assert unknown == []


# --- sql


_FUNCTIONS = """
select p.proname, pg_get_function_arguments(p.oid) from pg_proc p where p.pronamespace = 'search'::regnamespace
"""
_RELATIONS = """
select n.nspname, c.relname, array_agg(a.attname::text order by a.attnum)
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
where n.nspname in ('search', 'public') and c.relkind in ('r', 'p', 'v', 'm') and not c.relispartition
  and c.relname !~ '^(procrastinate_|vibe_search_version$)'
group by n.nspname, c.relname
"""


def test_functions_are_documented_with_their_arguments(connection: psycopg.Connection[Any]) -> None:
    connection.execute("set search_path = public")  # types of the search are named with their schema
    page = read("docs/reference/sql.md")
    documented = set(re.findall(r"^(search\.\w+\(.*\))$", page, re.MULTILINE))
    existing = set()
    for name, arguments in connection.execute(_FUNCTIONS).fetchall():
        plain = re.sub(r"::[a-z]+( precision)?(\[\])?", "", arguments).replace("DEFAULT NULL", "default null")
        plain = re.sub(r"'(-\d+)'", r"\1", plain)
        existing.add(f"search.{name}({plain.replace('DEFAULT', 'default')})")
    assert documented == existing


def test_tables_and_views_are_documented_with_their_columns(connection: psycopg.Connection[Any]) -> None:
    sql, model = read("docs/reference/sql.md"), read("docs/reference/data-model.md")
    names = set()
    for schema, name, columns in connection.execute(_RELATIONS).fetchall():
        if schema == "search":
            names.add(name)
            text = section(sql, f"### `search.{name}`")
        else:
            heading = next((line for line in model.splitlines() if re.match(rf"## .*`{name}`", line)), "## ?")
            text = section(model, heading)
        assert text, f"{schema}.{name} is not documented"
        rows = [cell for row in table_rows(text) for cell in code_in(row[0])] or list(code_in(text))
        described = {cell.removeprefix(f"{name}.") for cell in rows}
        assert set(columns) <= described, f"{schema}.{name}: {set(columns) - described}"
    headings = set(re.findall(r"^### `search\.(\w+)`$", sql, re.MULTILINE))
    functions = {row[0] for row in connection.execute(_FUNCTIONS).fetchall()}
    assert headings <= names | functions


def test_sql_examples_run(connection: psycopg.Connection[Any]) -> None:
    """Statements in the pages that read the database; psql's variables are left out."""
    count = 0
    for page in (
        "docs/how-to/search-from-psql.md",
        "docs/how-to/search-by-sound.md",
        "docs/how-to/embed-your-catalogue.md",
        "docs/how-to/backfill-and-audit.md",
        "docs/how-to/dba.md",
        "docs/reference/sql.md",
    ):
        for block in re.findall(r"^```sql\n(.*?)^```$", read(page), re.MULTILINE | re.DOTALL):
            if not block.startswith("search."):
                connection.execute(block)
                count += 1
    assert count > 5


# --- links and paths


def anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_links_lead_somewhere() -> None:
    for page in PAGES:
        for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
            if re.match(r"[a-z]+:", target):
                continue
            path, _, anchor = target.partition("#")
            file = (page.parent / path).resolve() if path else page
            assert file.is_file(), f"{page.name}: {target} is not there"
            assert file.is_relative_to(ROOT), f"{page.name}: {target} leads out of the repository"
            assert not anchor or anchor in anchors(file), f"{page.name}: {target}: no such heading"


def test_paths_in_backticks_exist() -> None:
    """Only what looks like a file of the repository: a slash, an extension, and nothing that is made later."""
    missing = []
    for page in PAGES:
        for name in code_in(page.read_text(encoding="utf-8")):
            is_file = re.fullmatch(r"[\w.-]+(/[\w.-]+)*/[\w-]+\.\w+", name)
            is_folder = re.fullmatch(r"[a-z_]+(/[a-z_-]+)*/", name)
            if is_file and not name.startswith((".data/", ".venv/")) and not (ROOT / name).is_file():
                missing.append(f"{page.name}: {name}")
            if is_folder and name not in {"postgres/", "audio/"} and not (ROOT / name).is_dir():
                missing.append(f"{page.name}: {name}")
    assert missing == []


def test_the_site_builds_and_loads_nothing_from_elsewhere(tmp_path: Path) -> None:
    """Strictly: a page that is in no menu, or a link or anchor that leads nowhere, is an error."""
    mkdocs = Path(sys.executable).with_name("mkdocs")
    command: list[str | Path] = [mkdocs, "build", "--quiet", "--site-dir", tmp_path / "site"]
    built = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    pages = sorted((tmp_path / "site").rglob("*.html"))
    assert len(pages) > len(PAGES) - 5
    loaded = re.compile(r"<(?:script|img|iframe)[^>]*\bsrc=\"?(https?:)?//|<link[^>]*stylesheet[^>]*https?://")
    assert [page.name for page in pages if loaded.search(page.read_text(encoding="utf-8"))] == []


def test_every_page_can_be_reached_from_the_readme() -> None:
    seen, waiting = set(), [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        seen.add(page)
        for target in re.findall(r"\]\(([^)#\s]+\.md)", page.read_text(encoding="utf-8")):
            linked = (page.parent / target).resolve()
            if linked not in seen and not re.match(r"[a-z]+:", target):
                waiting.append(linked)
    assert set(PAGES) <= seen


# --- the sample library


class ExampleButtons(HTMLParser):
    """Collects value and purpose of the buttons under #examples."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, str]] = []
        self._inside = self._purpose = False
        self._value: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Open a section, a button or a purpose."""
        named = dict(attrs)
        if tag == "section":
            self._inside = named.get("id") == "examples"
        elif self._inside and tag == "button":
            self._value = named.get("value")
        elif tag == "small":
            self._purpose = self._value is not None

    def handle_endtag(self, tag: str) -> None:
        """Close it."""
        if tag == "small":
            self._purpose = False
        elif tag == "button":
            self._value = None
        elif tag == "section":
            self._inside = False

    def handle_data(self, data: str) -> None:
        """Keep the purpose's text."""
        if self._purpose and self._value is not None:
            self.found.append((data.strip().replace("’", "'"), self._value))


def buttons() -> list[tuple[str, str]]:
    parser = ExampleButtons()
    parser.feed(read("app/web/index.html"))
    return parser.found


def test_the_page_has_examples() -> None:
    assert len(buttons()) == read("app/web/index.html").count("<li><button") > 3


def test_examples_are_in_the_sample_library() -> None:
    library = load_library()
    titles = [track.title for track in library.tracks]
    names = [name.casefold() for artist in library.artists for name in (artist.display_name, artist.handle)]
    for purpose, text in [*buttons(), *EXAMPLES]:
        if purpose == "an exact title":
            assert text in titles
        elif purpose == "a title with a typo":
            assert text.casefold() not in {title.casefold() for title in titles}
            assert max(SequenceMatcher(None, text.casefold(), title.casefold()).ratio() for title in titles) > 0.8
        elif purpose == "an artist's first letters":
            assert any(name.startswith(text.casefold()) for name in names)
        else:
            assert purpose in {"how it sounds", "a description of a sound"}, f"what kind of example is {purpose!r}?"


MOODS = {
    "calm": {"peaceful", "relaxing", "calm"},
    "happy": {"upbeat", "feel-good", "cheerful"},
    "nostalgic": {"wistful", "memories", "nostalgic"},
    "tender": {"gentle", "loving", "romantic"},
    "energetic": {"high-energy", "driving", "energetic"},
}
FAMILIES = {"acoustic": {"acoustic", "guitar", "piano"}, "electronic": {"electronic", "synthesizer"}}
SLOWEST_FAST, FASTEST_SLOW = 123, 78


def tempos() -> dict[str, int]:
    """Beats a minute of each recording, by its path, from the licence file of the package."""
    licence = next(file for file in installed_files("immich-memories-music") or [] if file.name == "LICENSE-MUSIC")
    rows = re.findall(r"^  (([a-z]+)_\w+\.opus)\s+(\d+) bpm", licence.read_text(), re.MULTILINE)
    return {f"{folder}/{name}": int(tempo) for name, folder, tempo in rows}


def meant(words: set[str], meanings: dict[str, set[str]]) -> str | None:
    """The one meaning that the words have, if any."""
    found = [meaning for meaning, known in meanings.items() if words & known]
    assert len(found) <= 1, f"{found} at once"
    return found[0] if found else None


def test_rule_is_the_one_in_the_header() -> None:
    comments = [
        line[1:].strip() for line in read("app/measure/sample/descriptions.toml").splitlines() if line.startswith("#")
    ]
    header = " ".join(comments)
    for meaning, words in (MOODS | FAMILIES).items():
        listed = re.search(rf"(?:^|;|name\.|folder\.) ([a-z, -]+) -> {meaning}\b", header)
        assert listed is not None, f"the header does not say what means {meaning}"
        assert set(listed[1].split(", ")) == words
    assert f"slow -> {FASTEST_SLOW} bpm or less" in header
    assert f"fast -> {SLOWEST_FAST} bpm or more" in header


def test_descriptions_follow_their_rule() -> None:
    tempo_of = tempos()
    library = {track.file for track in load_library().tracks}
    assert library == tempo_of.keys()
    for description in load_labels(SAMPLE / "descriptions.toml").queries:
        words = set(description.text.split())
        mood, family = meant(words, MOODS), meant(words, FAMILIES)
        tempo = meant(words, {"slow": {"slow"}, "fast": {"fast"}})
        assert mood or family or tempo, f"{description.text!r} names nothing that the rule knows"
        relevant = {
            file
            for file in library
            if (mood is None or file.startswith(f"{mood}/"))
            and (family is None or f"_{family}_" in file)
            and (tempo != "slow" or tempo_of[file] <= FASTEST_SLOW)
            and (tempo != "fast" or tempo_of[file] >= SLOWEST_FAST)
        }
        assert set(description.relevant) == relevant, description.text


def test_figures_are_those_of_the_descriptions() -> None:
    """The pages state how many descriptions there are, and list each of them."""
    entries = tomllib.loads(read("app/measure/sample/descriptions.toml"))["queries"]
    page = read("docs/why/bundled-model.md")
    rows = {row[0]: row[1] for row in table_rows(section(page, "## Figures"))}
    for entry in entries:
        assert rows.get(entry["text"]) == str(len(entry["relevant"]))
    assert f"over {len(entries)} descriptions" in read("README.md").lower().replace("\n", " ")
