"""Where functions find what the SQL files name in public."""

import psycopg
import pytest

from app.database.qualified_names import EXTENSION_OF, SAFE_PATH, Homes, read_homes
from app.database.sql_files import repeatable_script, run_script, trigger_scripts
from app.errors import UserError
from tests.support.catalogue import Catalogue

SCRIPT = "select public.similarity(a, b) from public.tracks t, public.procrastinate_jobs j, search.tracks_by_vector(x)"


def test_every_name_is_bound_to_its_schema() -> None:
    homes = Homes({"tracks": "search"}, "queue", {"pg_trgm": "extensions"})
    assert homes.bind(SCRIPT) == (
        "select extensions.similarity(a, b) from search.tracks t, queue.procrastinate_jobs j, "
        "search.tracks_by_vector(x)"
    )
    assert Homes().bind(SCRIPT) == SCRIPT


def test_an_operator_is_bound_too() -> None:
    assert Homes(extensions={"vector": "ext"}).bind("a operator(public.<=>) b") == "a operator(ext.<=>) b"


def test_an_unknown_name_is_a_mistake_in_the_files() -> None:
    with pytest.raises(ValueError, match=r"public\.payments is neither"):
        Homes().bind("select from public.payments")


def test_a_schema_in_quotes_is_named_in_them() -> None:
    homes = Homes(extensions={"vector": '"My Extensions"'})
    assert homes.bind("select '[1]'::public.halfvec") == """select '[1]'::"My Extensions".halfvec"""


@pytest.mark.parametrize("schema", ['"it\'s"', '"100%"', '"$1"', '"a""b"', '"a:b"'])
def test_a_schema_that_texts_in_quotes_cannot_name_is_refused(schema: str) -> None:
    with pytest.raises(UserError, match="rename to"):
        Homes(extensions={"vector": schema}).bind("select '[1]'::public.halfvec")


def test_every_name_is_known_and_every_known_name_is_there(connection: psycopg.Connection[tuple[object, ...]]) -> None:
    scripts = [repeatable_script(), *(script.read_text(encoding="utf-8") for script in trigger_scripts())]
    Homes().bind("\n".join(scripts))
    for name, extension in EXTENSION_OF.items():
        found = connection.execute(
            "select from pg_depend d join pg_extension x on x.oid = d.refobjid "
            "left join pg_proc p on d.classid = 'pg_proc'::regclass and p.oid = d.objid "
            "left join pg_type t on d.classid = 'pg_type'::regclass and t.oid = d.objid "
            "left join pg_operator o on d.classid = 'pg_operator'::regclass and o.oid = d.objid "
            "left join pg_opclass c on d.classid = 'pg_opclass'::regclass and c.oid = d.objid "
            "where d.deptype = 'e' and x.extname = %s and %s in (p.proname, t.typname, o.oprname, c.opcname)",
            [extension, name],
        ).fetchone()
        assert found is not None, f"{extension} has no {name}"


def test_functions_find_extensions_that_are_moved(catalogue: Catalogue) -> None:
    """As an operator does who keeps schema public empty."""
    connection = catalogue.connection
    connection.execute("create schema extensions")
    for extension in set(EXTENSION_OF.values()):
        connection.execute(f"alter extension {extension} set schema extensions".encode())
    with connection.transaction():
        connection.execute(f"set local search_path = {SAFE_PATH}".encode())
        run_script(connection, read_homes(connection).bind(repeatable_script()))
        connection.execute("select search_internal.bind_nearest_tracks()")
    catalogue.track("Rain on Tin")
    assert catalogue.labels("rian") == ["Rain on Tin"]
    found = connection.execute(
        "select count(*) from search.nearest_tracks(array_fill(0.1, array[100])::extensions.vector::extensions.halfvec)"
    ).fetchone()
    assert found == (0,)
