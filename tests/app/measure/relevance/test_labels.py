"""Labelled queries, read from files."""

from pathlib import Path

import pytest

from app.errors import UserError
from app.measure.relevance import LabelledQuery, Ranking, load_labels


def write(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_toml(tmp_path: Path) -> None:
    content = """# labels
by = ["unified"]

[[queries]]
text = "fern"
relevant = [12, "artist:did:plc:x"]

[[queries]]
text = "moss"
group = "word"
relevant = { "13" = 3, "tag:moss" = 1 }
"""
    found = load_labels(write(tmp_path, "q.toml", content))
    assert found.by == (Ranking.UNIFIED,)
    assert found.queries == [
        LabelledQuery("fern", {"12": 1, "artist:did:plc:x": 1}, "", 4),
        LabelledQuery("moss", {"13": 3, "tag:moss": 1}, "word", 8),
    ]


@pytest.mark.parametrize(("name", "separator"), [("q.csv", ","), ("q.TSV", "\t")])
def test_tables(tmp_path: Path, name: str, separator: str) -> None:
    rows = ["query,relevant,grade", "fern,12,3", '"a ""quoted"" moss",tag:moss,', "", "fern , 13,1"]
    found = load_labels(write(tmp_path, name, "\ufeff" + "\r\n".join(rows).replace(",", separator)))
    assert found.by == (Ranking.SOUND, Ranking.UNIFIED)
    assert found.queries == [
        LabelledQuery("fern", {"12": 3, "13": 1}, "", 2),
        LabelledQuery('a "quoted" moss', {"tag:moss": 1}, "", 3),
    ]


def test_columns_in_any_order_and_a_group(tmp_path: Path) -> None:
    found = load_labels(write(tmp_path, "q.csv", "group,Relevant,query\nword,1,fern\n,2,fern\n"))
    assert found.queries == [LabelledQuery("fern", {"1": 1, "2": 1}, "word", 2)]


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("q.txt", "fern", "q.txt: labelled queries are in a .toml, .csv or .tsv file"),
        ("q.csv", b"query,relevant\nf\xe9rn,1", "q.csv: not UTF-8 from byte 16"),
        ("q.csv", "", "q.csv, line 1: the columns are query, relevant"),
        ("q.csv", "fern,12", "q.csv, line 1: the columns are query, relevant"),
        ("q.csv", "query,relevant,grade,grade\n", "line 1: the columns"),
        ("q.csv", "query,relevant\n", "q.csv: no query in it"),
        ("q.csv", "query,relevant\nfern\n", "q.csv, line 2: 1 columns, 2 were expected"),
        ("q.csv", "query,relevant\nfern,\n", "q.csv, line 2: relevant is empty"),
        ("q.csv", "query,relevant\n ,12\n", "q.csv, line 2: query is empty"),
        ("q.csv", "query,relevant\nfern,12\nfern,12\n", "q.csv, line 3: '12' is listed twice for 'fern'"),
        ("q.csv", 'query,relevant\n"fern,12\n', "q.csv, line 2: unexpected end of data"),
        ("q.csv", "query,relevant,grade\nfern,12,0\n", "q.csv, line 2: grade must be a whole number from 1 to 10"),
        ("q.csv", "query,relevant,grade\nfern,12,two\n", "not 'two'"),
        ("q.csv", "query,relevant,grade\nfern,12,11\n", "not '11'"),
        ("q.csv", "query,relevant,group\nfern,12,a\nfern,13,b\n", "line 3: 'fern' is in the group 'a' in line 2"),
        ("q.toml", "queries = [", "q.toml: "),
        ("q.toml", "[[queries]]\ntext = 'a'\ntext = 'b'\n", "at line 3"),
        ("q.toml", "x = 1", "q.toml: queries: Field required"),
        ("q.toml", "queries = []", "q.toml: no query in it"),
        ("q.toml", "by = ['ear']\nqueries = []", "q.toml: by.0: Input should be 'sound' or 'unified'"),
        ("q.toml", "\n[[queries]]\ntext = 'a'\n", "q.toml, line 2: relevant: Field required"),
        ("q.toml", "\n[[queries]]\ntext = 'a'\nrelevant = []\n", "q.toml, line 2: relevant: "),
        ("q.toml", "\n[[queries]]\ntext = ' '\nrelevant = [1]\n", "q.toml, line 2: text: "),
        ("q.toml", "[[queries]]\ntext = 'a'\nrelevant = [1]\nid = 3\n", "q.toml, line 1: id: "),
        ("q.toml", "[[queries]]\ntext = 'a'\nrelevant = [1.5]\n", "relevant: 1.5 is no id"),
        ("q.toml", "[[queries]]\ntext = 'a'\nrelevant = [1, '1']\n", "'1' is listed twice"),
        ("q.toml", "[[queries]]\ntext = 'a'\nrelevant = {1 = 0}\n", "line 1: relevant.1: "),
        ("q.toml", "[[queries]]\ntext = 'a'\nrelevant = {1 = true}\n", "line 1: relevant.1: "),
        ("q.toml", "queries = [{text = 'a', relevant = [1]}, {text = 'b'}]", "q.toml, query 2: relevant: "),
        (
            "q.toml",
            "[[queries]]\ntext='a'\nrelevant=[1]\n[[queries]]\ntext='a'\nrelevant=[2]",
            "line 4: 'a' is asked twice",
        ),
    ],
)
def test_a_wrong_file_is_told_where(tmp_path: Path, name: str, content: str | bytes, words: str) -> None:
    with pytest.raises(UserError) as raised:
        load_labels(write(tmp_path, name, content))
    assert words in str(raised.value)
    assert "\n" not in str(raised.value)


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="No such file"):
        load_labels(tmp_path / "q.csv")
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(UserError, match="directory"):
        load_labels(tmp_path / "folder.csv")
