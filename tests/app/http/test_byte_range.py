"""Range headers."""

import pytest

from app.http.byte_range import RangeOutsideError, parse_range


@pytest.mark.parametrize(
    ("header", "part"),
    [
        ("bytes=0-9", (0, 10)),
        ("bytes=90-", (90, 100)),
        ("bytes=-5", (95, 100)),
        ("bytes=-500", (0, 100)),
        ("bytes=50-999", (50, 100)),
        ("bytes=99-99", (99, 100)),
        (" Bytes = 1 - 2 ", (1, 3)),
    ],
)
def test_one_range(header: str, part: tuple[int, int]) -> None:
    assert parse_range(header, 100) == part


@pytest.mark.parametrize(
    "header",
    [None, "", "bytes", "bytes=-", "bytes=5-1", "bytes=0-1,5-6", "items=0-1", "bytes=a-b", "bytes=" + "9" * 5000 + "-"],
)
def test_what_is_passed_over(header: str | None) -> None:
    assert parse_range(header, 100) is None


@pytest.mark.parametrize(
    ("header", "size"),
    [("bytes=100-", 100), ("bytes=100-200", 100), ("bytes=-0", 100), ("bytes=0-", 0), ("bytes=-1", 0)],
)
def test_outside(header: str, size: int) -> None:
    with pytest.raises(RangeOutsideError):
        parse_range(header, size)
