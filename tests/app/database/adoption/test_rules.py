"""Who may find a row of an adopted catalogue: what is certain, what is refused, and what its owner says."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from app.database import adopt, load_rules, migrate, preview_adoption
from app.database.adoption.rules import READY_RULES, list_ready_rules, read_rules
from app.errors import UserError
from app.providers import Providers
from tests.app.database.adoption.conftest import Connection
from tests.app.database.adoption.test_adopted_search import labels, require_equal_documents

BERT = "did:plc:bert"


def problems_of(url: str, providers: Providers, rules: str = "") -> str:
    with pytest.raises(UserError) as refused:
        preview_adoption(url, providers.embedding.card, read_rules(rules))
    return str(refused.value)


def test_columns_that_may_hide_rows_are_refused_by_name(existing: str, owner: Connection, providers: Providers) -> None:
    owner.execute("alter table playlists add column status text; alter table tags add column is_banned boolean")
    refusal = problems_of(existing, providers)
    for column in ("tracks.publish_state", "tracks.operator_labels", "tracks.moderation_override", "playlists.status"):
        assert f"- {column} may say who may find a row" in refusal
    assert "- tags.is_banned" in refusal
    assert "- artists.deactivated" in refusal
    assert "playlists.is_private" not in refusal
    assert 'hides_nothing = ["status"]' in refusal
    assert "add --rules FILE" in refusal


def test_the_rules_of_a_known_application_are_suggested(existing: str, providers: Providers) -> None:
    assert "add --rules plyr.fm" in problems_of(existing, providers)
    assert preview_adoption(existing, providers.embedding.card, load_rules("plyr.fm")).catalogue.problems == []


@pytest.mark.parametrize(
    ("column", "listed", "hidden", "found_by_owner"),
    [
        ("is_private boolean", "false", "true", True),
        ("private boolean", "false", "null", True),
        ("deleted_at timestamptz", "null", "now()", False),
        ("is_deleted boolean", "false", "true", False),
        ("hidden boolean", "false", "null", False),
    ],
)
@pytest.mark.usefixtures("plain")
def test_columns_of_a_certain_meaning_are_followed(
    empty_database: str,
    owner: Connection,
    providers: Providers,
    column: str,
    listed: str,
    hidden: str,
    found_by_owner: bool,
) -> None:
    """On playlists, which have no visibility, and on tracks, which have one."""
    name = column.partition(" ")[0]
    for table in ("playlists", "tracks"):
        owner.execute(f"alter table {table} add column {column}; update {table} set {name} = {listed}".encode())
    adopt(empty_database, providers.embedding.card)
    assert set(labels(owner, "harbour")) == {"Harbour Lights", "Harbour Mix"}
    owner.execute(f"update playlists set {name} = {hidden}; update tracks set {name} = {hidden}".encode())
    assert labels(owner, "harbour") == []
    assert set(labels(owner, "harbour", BERT)) == ({"Harbour Lights", "Harbour Mix"} if found_by_owner else set())
    require_equal_documents(owner)


@pytest.fixture
def plain(owner: Connection) -> None:
    """A small catalogue of another application, with nothing that may hide a row but tracks.visibility."""
    owner.execute(
        """
        create table artists (did text primary key, handle text not null, display_name text not null);
        create table tracks (
            id bigint generated always as identity primary key,
            artist_did text not null references artists,
            title text not null,
            file_id text not null, file_type text not null, album_id bigint, visibility text not null default 'public',
            play_count bigint not null default 0, extra jsonb not null default '{}');
        create table playlists (
            id bigint generated always as identity primary key,
            owner_did text not null references artists,
            name text not null);
        insert into artists values ('did:plc:bert', 'bert.example', 'Bert');
        insert into tracks (artist_did, title, file_id, file_type)
        values ('did:plc:bert', 'Harbour Lights', 'f1', 'mp3');
        insert into playlists (owner_did, name) values ('did:plc:bert', 'Harbour Mix');
        """
    )


@pytest.fixture
def owner(request: pytest.FixtureRequest) -> Iterator[Connection]:
    """A connection to whichever database the test has."""
    name = "existing" if "existing" in request.fixturenames else "empty_database"
    with psycopg.connect(request.getfixturevalue(name), autocommit=True) as connection:
        yield connection


@pytest.mark.usefixtures("plain")
def test_rules_say_the_rest(empty_database: str, owner: Connection, providers: Providers) -> None:
    owner.execute("alter table tracks add column state text; alter table playlists add column audience text")
    rules = """
    unlisted = "owner"
    [tracks]
    hidden = "state = 'taken down'"
    private = ["state = 'draft'", "length(title) = 0"]
    public = "state = 'live'"
    [playlists]
    hides_nothing = ["audience"]
    """
    adopt(empty_database, providers.embedding.card, rules=read_rules(rules))
    # a null is no state that was named public
    assert labels(owner, "harbour") == ["Harbour Mix"]
    for state, visible, to_owner in (
        ("live", True, True),
        ("draft", False, True),
        ("taken down", False, False),
        ("?", False, True),
    ):
        owner.execute("update tracks set state = %s", [state])
        assert ("Harbour Lights" in labels(owner, "harbour")) is visible
        assert ("Harbour Lights" in labels(owner, "harbour", BERT)) is to_owner
    require_equal_documents(owner)


@pytest.mark.usefixtures("plain")
@pytest.mark.parametrize(
    ("unlisted", "to_all", "to_owner"), [("none", False, False), ("owner", False, True), ("all", True, True)]
)
def test_unlisted_means_what_the_owner_says(
    empty_database: str, owner: Connection, providers: Providers, unlisted: str, to_all: bool, to_owner: bool
) -> None:
    owner.execute("update tracks set visibility = 'unlisted'")
    adopt(empty_database, providers.embedding.card, rules=read_rules(f'unlisted = "{unlisted}"'))
    for viewer, found in ((None, to_all), ("did:plc:anna", to_all), (BERT, to_owner)):
        assert ("Harbour Lights" in labels(owner, "harbour", viewer)) is found


@pytest.mark.usefixtures("plain")
def test_rules_are_kept_and_can_be_changed(empty_database: str, owner: Connection, providers: Providers) -> None:
    card = providers.embedding.card
    owner.execute("alter table tracks add column state text")
    adopt(empty_database, card, rules=read_rules("tracks.hidden = \"state = 'x'\""))
    owner.execute("update tracks set state = 'y'")
    owner.execute(
        "insert into search.embeddings (track_id, model_id, file_id, embedding, listed) "
        "select t.id, m.id, t.file_id, array_fill(1::real, array[m.dimensions])::vector::halfvec, true "
        "from tracks t, search.models m"
    )
    assert migrate(empty_database, card) == adopt(empty_database, card) == []
    assert "Harbour Lights" in labels(owner, "harbour")
    assert "names of tracks" in adopt(empty_database, card, rules=read_rules("tracks.private = \"state = 'y'\""))
    assert labels(owner, "harbour") == ["Harbour Mix"]
    assert "Harbour Lights" in labels(owner, "harbour", BERT)
    assert owner.execute("select listed, owner from search.embeddings").fetchall() == [(False, BERT)]
    functions = (
        "select count(*) from pg_proc where pronamespace = 'search'::regnamespace and proname ~ '^visibility_of'"
    )
    assert owner.execute(functions).fetchone() == (1,)
    require_equal_documents(owner)


@pytest.mark.usefixtures("plain")
@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        ("nowhere = 1", 'column "nowhere" does not exist'),
        ("file_id", "must be type boolean"),
        ("now() > '2020-01-01'", "IMMUTABLE"),
        ("exists (select from artists)", "subquery"),
        ("count(*) > 1", "aggregate"),
        ("visibility = ", "syntax error"),
        ("secret(title)", "does not exist"),
    ],
)
def test_a_rule_that_is_no_condition_on_a_row_is_refused(
    empty_database: str, owner: Connection, providers: Providers, rule: str, reason: str
) -> None:
    refusal = problems_of(empty_database, providers, f'tracks.hidden = """{rule}"""')
    assert "the rule tracks.hidden cannot be used" in refusal
    assert reason in refusal
    assert owner.execute("select to_regnamespace('search')").fetchone() == (None,)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("tracks.hiden = 'true'", "tracks.hiden is not understood"),
        ("songs.hidden = 'true'", "songs is not understood"),
        ("unlisted = 'maybe'", "none, owner or all"),
        ("tracks.hidden = 1", "tracks.hidden must be a text"),
        ("tracks = 1", "tracks must be a table"),
        ("tracks.hidden = ''", "tracks.hidden must be a text"),
        ("= 3", "not TOML"),
    ],
)
def test_a_file_that_is_not_understood_is_refused(text: str, reason: str) -> None:
    with pytest.raises(UserError, match=reason):
        read_rules(text)


def test_ready_rules_can_be_read() -> None:
    assert list_ready_rules() == ["plyr.fm"]
    for name in list_ready_rules():
        assert load_rules(name).source == (READY_RULES / f"{name}.toml").read_text(encoding="utf-8")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"nothing\.toml.*ready rules: plyr\.fm"):
        load_rules(str(tmp_path / "nothing.toml"))


def jobs_of(connection: Connection) -> set[str]:
    jobs = connection.execute(
        "select distinct t.title from search.procrastinate_jobs j "
        "join tracks t on t.id = (j.args ->> 'track_id')::bigint"
    ).fetchall()
    return {title for (title,) in jobs}


INSERT = "insert into tracks (artist_did, title, file_id, file_type, visibility) values (%s, %s, 'f', 'mp3', %s)"


@pytest.mark.usefixtures("plain")
@pytest.mark.parametrize(
    ("rules", "processed"),
    [
        ("", {"public", "unlisted"}),
        ("tracks.no_jobs = \"title like 'p%'\"", {"unlisted", "archived"}),
        ("tracks.no_jobs = []", {"public", "unlisted", "private", "archived"}),
    ],
)
def test_which_tracks_have_jobs(
    empty_database: str, owner: Connection, providers: Providers, rules: str, processed: set[str]
) -> None:
    owner.execute("delete from tracks")
    adopt(empty_database, providers.embedding.card, rules=read_rules(rules))
    for visibility in ("public", "unlisted", "private", "archived"):
        owner.execute(INSERT, [BERT, visibility, visibility])
    assert jobs_of(owner) == processed
    owner.execute("delete from search.procrastinate_jobs")
    owner.execute("select search.enqueue_missing_embeddings(), search.enqueue_missing_genres()")
    assert jobs_of(owner) == processed


@pytest.mark.usefixtures("plain")
def test_a_track_that_is_published_has_its_jobs_then(
    empty_database: str, owner: Connection, providers: Providers
) -> None:
    owner.execute("delete from tracks")
    adopt(empty_database, providers.embedding.card)
    owner.execute(INSERT, [BERT, "Harbour", "private"])
    owner.execute("update tracks set file_id = 'g'")
    assert jobs_of(owner) == set()
    owner.execute("update tracks set visibility = 'public'")
    tasks = "select task_name, args ->> 'file_id' from search.procrastinate_jobs order by 1"
    assert owner.execute(tasks).fetchall() == [("classify_genres", "g"), ("embed_track", "g")]
    owner.execute("update tracks set title = 'Harbour Bell', play_count = 2")
    assert len(owner.execute(tasks).fetchall()) == 2


@pytest.mark.usefixtures("plain")
@pytest.mark.parametrize(
    ("group", "reason"),
    [
        ('viewers = "exists (select from public.nowhere)"', 'relation "public.nowhere" does not exist'),
        ('viewers = "viewer"', "must be type boolean"),
    ],
)
def test_a_group_that_cannot_be_read_is_refused(
    empty_database: str, providers: Providers, group: str, reason: str
) -> None:
    refusal = problems_of(empty_database, providers, f"[groups.some]\n{group}")
    assert "the rule groups.some cannot be used" in refusal
    assert reason in refusal


@pytest.mark.usefixtures("plain")
def test_who_is_in_which_group_is_for_those_who_search(
    empty_database: str, owner: Connection, providers: Providers
) -> None:
    rules = """
    groups.some.viewers = "viewer = 'x'"
    tracks.only_for.some = "visibility = 'private'"
    """
    adopt(empty_database, providers.embedding.card, rules=read_rules(rules))
    assert owner.execute("select search.groups_of('x'), search.groups_of('y')").fetchone() == ([" some"], [])
    may = "select has_function_privilege('public', 'search.groups_of(text)', 'execute')"
    assert owner.execute(may).fetchone() == (False,)


@pytest.mark.usefixtures("plain")
def test_links_that_may_be_hidden_are_refused_until_rules_explain_them(
    empty_database: str, owner: Connection, providers: Providers
) -> None:
    owner.execute(
        """
        create table tags (id bigint generated always as identity primary key, name text not null unique);
        create table track_tags (track_id bigint not null, tag_id bigint not null, note text);
        create table feature_flags (user_did text not null, flag text not null, enabled boolean);
        insert into feature_flags values ('did:plc:bert', 'vibe-search', true), ('did:plc:anna', 'vibe-search', null);
        """
    )
    refusal = problems_of(empty_database, providers)
    assert 'Give rules for [feature_flags]: hidden = "...", or another rule' in refusal
    assert "track_tags" not in refusal
    rules = "feature_flags.hidden = 'not enabled'"
    adopt(empty_database, providers.embedding.card, rules=read_rules(rules))
    flags = "select search.has_flag('did:plc:bert', 'vibe-search'), search.has_flag('did:plc:anna', 'vibe-search')"
    assert owner.execute(flags).fetchone() == (True, False)
    owner.execute("alter table track_tags add column is_deleted boolean")
    refusal = problems_of(empty_database, providers, rules)
    assert 'Give rules for [track_tags]: hides_nothing = ["is_deleted"]' in refusal


@pytest.mark.usefixtures("plain")
@pytest.mark.parametrize(
    ("column", "rule"),
    [("archived boolean", "workflow = 'archived'"), ("status text", "extra ->> 'status' = 'gone'")],
)
def test_a_value_that_is_named_as_a_column_explains_no_column(
    empty_database: str, owner: Connection, providers: Providers, column: str, rule: str
) -> None:
    owner.execute(f"alter table tracks add column workflow text; alter table tracks add column {column}".encode())
    refusal = problems_of(empty_database, providers, f'tracks.hidden = """{rule}"""')
    assert f"tracks.{column.partition(' ')[0]} may say who may find a row" in refusal


@pytest.mark.usefixtures("plain")
def test_columns_are_read_whatever_they_are_called(
    empty_database: str, owner: Connection, providers: Providers
) -> None:
    owner.execute(
        """
        alter table tracks add column "Is Private?" boolean not null default false;
        alter table tracks add column "order" text[] not null default '{}';
        alter table playlists add column "isPrivate" boolean not null default false;
        """
    )
    rules = """
    tracks.private = '"Is Private?"'
    tracks.hidden = "Title = 'x' or \\"order\\" @> array['gone']"
    """
    adopt(empty_database, providers.embedding.card, rules=read_rules(rules))
    assert set(labels(owner, "harbour")) == {"Harbour Lights", "Harbour Mix"}
    owner.execute('update tracks set "Is Private?" = true; update playlists set "isPrivate" = true')
    assert labels(owner, "harbour") == []
    assert set(labels(owner, "harbour", BERT)) == {"Harbour Lights", "Harbour Mix"}
    owner.execute("""update tracks set "order" = array['gone']""")
    assert labels(owner, "harbour", BERT) == ["Harbour Mix"]


@pytest.mark.usefixtures("plain")
def test_a_rule_that_fails_for_a_row_fails_no_write(
    empty_database: str, owner: Connection, providers: Providers
) -> None:
    rules = read_rules("tracks.hidden = \"(extra ->> 'age')::integer > 18\"")
    adopt(empty_database, providers.embedding.card, rules=rules)
    owner.execute("""update tracks set extra = '{"age": "abc"}'""")
    owner.execute(INSERT, [BERT, "Harbour Other", "public"])
    with pytest.raises(UserError, match="the rules of tracks fail for a row: invalid input syntax for type integer"):
        adopt(empty_database, providers.embedding.card, rules=rules)


@pytest.mark.usefixtures("plain")
def test_tags_and_albums_have_rules_of_their_own(empty_database: str, owner: Connection, providers: Providers) -> None:
    owner.execute(
        """
        create table albums (
            id bigint primary key, artist_did text not null, title text not null, slug text not null, draft boolean);
        create table tags (id bigint primary key, name text not null unique, blocked boolean not null default false);
        create table track_tags (track_id bigint not null, tag_id bigint not null);
        insert into albums values (1, 'did:plc:bert', 'Estuary', 'e', false);
        insert into tags (id, name) values (1, 'Estuary tag');
        update tracks set album_id = 1;
        insert into track_tags select id, 1 from tracks;
        """
    )
    rules = 'albums.private = "draft"\ntags.hidden = "blocked"'
    adopt(empty_database, providers.embedding.card, rules=read_rules(rules))
    assert {"Estuary", "Estuary tag"} <= set(labels(owner, "estuary"))
    owner.execute("update tags set blocked = true; update albums set draft = true")
    assert not {"Estuary", "Estuary tag"} & set(labels(owner, "estuary"))
    assert "Estuary" in labels(owner, "estuary", BERT)
    assert owner.execute("select name from search.complete_tag('est')").fetchall() == []
