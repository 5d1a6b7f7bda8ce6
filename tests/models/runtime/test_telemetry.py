"""Nothing that runs here reports to anybody."""

import os
import subprocess
import sys

_IMPORT = (
    "import sys, models.musicnn, os; assert 'onnxruntime' in sys.modules; print(os.environ['ORT_DISABLE_TELEMETRY'])"
)


def test_onnxruntime_is_told_not_to_report() -> None:
    environment = {key: value for key, value in os.environ.items() if key != "ORT_DISABLE_TELEMETRY"}
    printed = subprocess.run(
        [sys.executable, "-c", _IMPORT], env=environment, capture_output=True, text=True, check=True
    )
    assert printed.stdout == "1\n"
