"""What a Modal container does with `services/clap/app.py`: `python -m tests.support.modal_container FOLDER`.

Modal copies the file into a folder that is searched first, imports it as `app`, runs the class's `enter` methods, and
puts each endpoint behind the FastAPI application that its own runtime makes. Requests are read from standard input, a
JSON list of `[endpoint, method, body]`; the answers, `[status, body]`, are printed as one JSON list.
"""

# The runtime has no public way in: this follows modal._runtime.user_code_imports.
# ruff: noqa: SLF001

import importlib
import json
import sys
from typing import Any

from fastapi.testclient import TestClient
from modal._runtime.asgi import magic_fastapi_app
from modal._utils.async_utils import synchronizer


def main(folder: str) -> None:
    """Import the file, load the model, and answer the requests."""
    sys.path.insert(0, folder)
    deployed: Any = importlib.import_module("app").ClapService
    service = deployed()
    # the first call runs `enter`, and goes straight to the method
    answers: list[Any] = [[200, service.healthz.local().model_dump()]]
    instance = service._cached_user_cls_instance()
    translated = synchronizer._translate_in(deployed)  # type: ignore[no-untyped-call]  # it has no annotations
    clients = {
        name: TestClient(
            magic_fastapi_app(partial.raw_f.__get__(instance), partial.params.webhook_config.method, docs=False)
        )
        for name, partial in translated._method_partials.items()
        if partial.params.webhook_config is not None
    }
    for name, method, body in json.load(sys.stdin):
        answer = clients[name].request(method, "/", json=body)
        answers.append([answer.status_code, answer.json()])
    json.dump(answers, sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1])
