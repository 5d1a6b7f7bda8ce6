"""The page."""

from pathlib import Path

from fastapi import APIRouter
from fastapi.responses import FileResponse

router = APIRouter(include_in_schema=False)

WEB_DIR = Path(__file__).resolve().parents[2] / "web"
"""Folder of the page's files, served under /web."""


@router.head("/")
@router.get("/")
async def index() -> FileResponse:
    """The page with the search box."""
    return FileResponse(WEB_DIR / "index.html")
