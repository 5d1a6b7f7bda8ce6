"""What the tests of the page do again and again."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import Page, Response, expect

BOX = "#box"
HITS = "#results .row:has(.hit)"


@contextmanager
def answered(page: Page, text: str) -> Iterator[None]:
    """Wait until the answer to this very query is painted: half of it, typed slowly, has an answer too."""

    def asks(response: Response) -> bool:
        url = urlsplit(response.url)
        return url.path == "/search/" and parse_qs(url.query).get("q") == [text]

    with page.expect_response(asks):
        yield
    expect(page.locator("#results")).to_have_attribute("aria-busy", "false")


def search(page: Page, text: str) -> None:
    """Write into the box, and wait for the answer."""
    with answered(page, text):
        page.locator(BOX).fill(text)


def titles(page: Page) -> list[str]:
    return page.locator(f"{HITS} .hit").all_inner_texts()


def answer(*titles: str, **fields: Any) -> str:
    """An answer of the endpoint, as JSON."""
    results = [
        {
            "type": "track",
            "id": number,
            "title": title,
            "artist_handle": "a.example",
            "artist_display_name": "A",
            "image_url": None,
            "file_id": "f",
            "album_title": None,
            "relevance": 1,
            "tier": "exact",
            "matched": ["title"],
            "similarity": None,
            "confidence": None,
        }
        for number, title in enumerate(titles)
    ]
    return json.dumps({"results": results, "query": "q", "available": True, "took_ms": 1.0, "counts": {}} | fields)


def open_track(page: Page, title: str) -> None:
    page.get_by_role("button", name=re.compile(f"^About {title}")).first.click()
    expect(page.get_by_role("dialog")).to_be_visible()
    expect(page.get_by_role("heading", name=title, exact=True)).to_be_visible()
