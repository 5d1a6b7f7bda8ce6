"""Conversions and dumps, run by hand."""

import models  # noqa: F401 - switches ONNX Runtime's telemetry off before a script imports it
