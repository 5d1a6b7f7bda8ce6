"""Convert the musicnn checkpoints into the bundled model's files.

The wheel `musicnn` 0.1.0 comes from the Python package index (`pip download --no-deps musicnn==0.1.0`); the
package itself is never installed, and TensorFlow is not needed. The output is the same to the byte each run.

Examples:
    python -m scripts.build_models.convert_musicnn musicnn-0.1.0-py3-none-any.whl
    python -m scripts.build_models.convert_musicnn unpacked-wheel --output models/weights/musicnn-tags
"""

from __future__ import annotations

import ast
import json
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
import onnxruntime  # type: ignore[import-untyped]  # ships no annotations
import typer

from models.audio.log_mel import SAMPLE_RATE
from scripts.build_models.musicnn_graph import build_graph
from scripts.build_models.musicnn_reference import reference_logits
from scripts.build_models.tf_checkpoint import CheckpointError, Tensor, read_index, read_tensors

if TYPE_CHECKING:
    import onnx
    from numpy.typing import NDArray

NETWORKS = {"mtt": "MTT", "msd": "MSD"}
"""The dataset's short name (MagnaTagATune, Million Song Dataset) to the wheel's prefix, in output order."""

# The tags that name a genre. Left out: moods, instruments, voices, decades, tempo, and words that say who
# listens or how much they like it. "classic" is MagnaTagATune's spelling of a tag that overlaps "classical".
GENRES = {
    "mtt": "ambient, classical, country, dance, electronic, indian, metal, new age, opera, pop, rock, techno",
    "msd": "alternative, alternative rock, ambient, blues, chillout, classic rock, country, dance, easy listening, "
    "electro, electronic, electronica, experimental, folk, funk, hard rock, heavy metal, Hip-Hop, House, indie, "
    "indie pop, indie rock, jazz, metal, pop, Progressive rock, punk, rnb, rock, soul",
}

MODEL_FILE = "musicnn_tags.onnx"
TAGS_FILE = "tags.json"
LICENCE_FILE = "LICENSE"

PARITY = 1e-4
"""Largest difference, in logits, between the float32 graph and the float64 reference."""

_PATCH_SAMPLES = 48_128


def main(
    wheel: Annotated[Path, typer.Argument(exists=True, help="The musicnn 0.1.0 wheel, or its unpacked folder.")],
    output: Annotated[Path, typer.Option(help="Folder for the model, its tags and its licence.")] = Path(
        "models/weights/musicnn-tags"
    ),
) -> None:
    """Convert the musicnn checkpoints (TensorFlow 1) into one ONNX file, and check it.

    Example: python -m scripts.build_models.convert_musicnn musicnn-0.1.0-py3-none-any.whl
    """
    try:
        difference = convert(wheel, output)
    except CheckpointError as error:
        raise typer.BadParameter(str(error)) from error
    size = (output / MODEL_FILE).stat().st_size
    typer.echo(f"wrote {output / MODEL_FILE}: {size:,} bytes, within {difference:.1g} logits of the reference")


def convert(wheel: Path, output: Path) -> float:
    """Write the model, its tags and its licence.

    Args:
        wheel: The `.whl` file, or the folder it was unpacked into.
        output: Folder to write to; made if need be.

    Returns:
        Largest difference between the graph and the reference, in logits.

    Raises:
        CheckpointError: Not the musicnn wheel, a damaged checkpoint, or a graph that differs by more than `PARITY`.
    """
    files = open_wheel(wheel)
    networks = {dataset: read_network(files, f"{prefix}_musicnn") for dataset, prefix in NETWORKS.items()}
    model = build_graph(networks)
    difference = measure_parity(model, networks)
    if difference > PARITY:
        raise CheckpointError(f"the graph differs from the reference by {difference:.2g} logits")
    output.mkdir(parents=True, exist_ok=True)
    (output / MODEL_FILE).write_bytes(model.SerializeToString(deterministic=True))
    (output / TAGS_FILE).write_text(json.dumps(read_tags(files), indent=1) + "\n", encoding="utf-8")
    (output / LICENCE_FILE).write_bytes(files["musicnn-0.1.0.dist-info/LICENSE.md"])
    return difference


def open_wheel(wheel: Path) -> dict[str, bytes]:
    """Read what the conversion needs out of the wheel.

    Args:
        wheel: The `.whl` file, or the folder it was unpacked into.

    Returns:
        File contents by their path in the wheel.

    Raises:
        CheckpointError: A file is missing, so this is not the musicnn wheel.
    """
    names = ["musicnn/configuration.py", "musicnn-0.1.0.dist-info/LICENSE.md"]
    for prefix in NETWORKS.values():
        names += [f"musicnn/{prefix}_musicnn/{part}" for part in (".index", ".data-00000-of-00001")]
    try:
        if wheel.is_dir():
            return {name: (wheel / name).read_bytes() for name in names}
        with zipfile.ZipFile(wheel) as archive:
            return {name: archive.read(name) for name in names}
    except (OSError, KeyError, zipfile.BadZipFile) as error:
        raise CheckpointError(f"{wheel} is not the wheel of musicnn 0.1.0: {error}") from error


def read_network(files: dict[str, bytes], folder: str) -> dict[str, Tensor]:
    """Read one network's variables, without what only training needs.

    Args:
        files: The wheel's files, as `open_wheel` gives them.
        folder: The checkpoint's folder, for example `"MTT_musicnn"`.

    Returns:
        Variables by name.

    Raises:
        CheckpointError: The checkpoint is damaged.
    """
    entries = read_index(files[f"musicnn/{folder}/.index"])
    wanted = {name: entry for name, entry in entries.items() if "/Adam" not in name and not name.endswith("_power")}
    return read_tensors(files[f"musicnn/{folder}/.data-00000-of-00001"], wanted)


def read_tags(files: dict[str, bytes]) -> list[dict[str, str | bool]]:
    """Read the tag names in output order.

    Args:
        files: The wheel's files, as `open_wheel` gives them.

    Returns:
        One object a tag: `name` as the dataset spells it, `dataset` ("mtt" or "msd"), `genre`.

    Raises:
        CheckpointError: A genre of `GENRES` is no tag.
    """
    tree = ast.parse(files["musicnn/configuration.py"])
    literals = {
        node.targets[0].id: node.value
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
    }
    tags: list[dict[str, str | bool]] = []
    for dataset, prefix in NETWORKS.items():
        names: list[str] = ast.literal_eval(literals[f"{prefix}_LABELS"])
        genres = set(GENRES[dataset].split(", "))
        if unknown := genres - set(names):
            raise CheckpointError(f"not tags of {prefix}: {sorted(unknown)}")
        tags += [{"name": name, "dataset": dataset, "genre": name in genres} for name in names]
    return tags


def measure_parity(model: onnx.ModelProto, networks: dict[str, dict[str, Tensor]]) -> float:
    """Compare the graph with the numpy reference on a rising tone with noise.

    Args:
        model: The graph.
        networks: Variables of each network, in output order.

    Returns:
        The largest absolute difference over all logits.
    """
    seconds = np.arange(_PATCH_SAMPLES) / SAMPLE_RATE
    noise = np.random.default_rng(0).normal(size=_PATCH_SAMPLES)
    chirp = 0.4 * np.sin(2 * np.pi * (100 * seconds + 500 * seconds**2)) + 0.02 * noise
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    outputs = session.run(["logits", "log_mel"], {"waveform": chirp.astype(np.float32)[None]})
    log_mel: NDArray[np.float64] = np.asarray(outputs[1][0], np.float64)
    expected = np.concatenate([reference_logits(log_mel, variables) for variables in networks.values()])
    return float(np.abs(np.asarray(outputs[0][0], np.float64) - expected).max())


if __name__ == "__main__":
    typer.run(main)
