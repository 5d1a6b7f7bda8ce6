"""The sample library: real recordings under invented names."""

from app.measure.sample.library import Library, load_library, recordings_dir
from app.measure.sample.load import import_library

__all__ = ["Library", "import_library", "load_library", "recordings_dir"]
