"""Machine learning: audio and text become vectors in one space.

`models.registry.open_model` gives a `models.model.EmbeddingModel` by name; `models.audio.decoding.decode`
makes the waveform it wants. Nothing in this package knows of a database or a web server, and nothing in it
downloads but `models.files`, when it is told to: what a model reads lies on disk or is reported missing.
"""

import os

# the wheels of ONNX Runtime report to their maker unless told not to before they are imported
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
