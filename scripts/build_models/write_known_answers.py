"""Write what a bundled model makes of the known texts and sounds, by which other machines are compared with this one.

Run it after the weights have been made anew, on a machine whose vectors are known to be right, and put the printed line
into `models/manifest.toml`. The identity does not change with it.

Example:
    python -m scripts.build_models.write_known_answers musicnn-tags
"""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import typer

from models.files.installation import ANSWERS, measure_file
from models.files.known_answers import TEXTS, Answer, KnownAnswers, known_sounds, write_answers
from models.registry import find_model, open_model


def main(name: Annotated[str, typer.Argument(help="The bundled model's name in the manifest.")]) -> None:
    """Write known_answers.json beside the model's weights, and print its line of the manifest.

    Example: python -m scripts.build_models.write_known_answers musicnn-tags
    """
    # without the answers that are there, which the new ones may differ from
    model = open_model(replace(find_model(name), answers=None))
    answers = KnownAnswers(
        tuple(Answer(text, model.embed_text(text)) for text in TEXTS),
        tuple(Answer(title, model.embed_audio(sound)) for title, sound in known_sounds(model.card.sample_rate).items()),
    )
    folder = model.card.locate("tags.json").parent
    write_answers(folder / ANSWERS, answers)
    file = measure_file(folder, ANSWERS)
    typer.echo(f'answers = {{ path = "weights/{name}/{file.path}", size = {file.size}, sha256 = "{file.sha256}" }}')


if __name__ == "__main__":
    typer.run(main)
