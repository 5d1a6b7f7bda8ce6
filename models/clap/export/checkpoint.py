"""Opening a CLAP checkpoint as the hub has it, and refusing what could not be exported truly.

Needs torch and transformers, the extra `export`.
"""

from __future__ import annotations

import json
import logging
import warnings
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from transformers import AutoTokenizer, ClapFeatureExtractor, ClapModel
from transformers.utils import logging as transformers_logging

from models.clap import MOST_TOKENS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class ExportError(RuntimeError):
    """A checkpoint that cannot be exported, or whose export is not what it should be; the message says why."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What lies in a checkpoint's folder.

    Attributes:
        model: A `ClapModel` in evaluation mode, in float32.
        extractor: Its `ClapFeatureExtractor`.
        tokenizer: Its tokenizer.
    """

    model: Any
    extractor: Any
    tokenizer: Any


def open_checkpoint(folder: Path) -> Checkpoint:
    """Open a folder in the hub's format.

    Raises:
        ExportError: It is no CLAP checkpoint, lacks something, or its parts do not fit each other.
    """
    _require_files(folder)
    try:
        with quiet():
            loaded: Any = ClapModel.from_pretrained(
                folder, local_files_only=True, output_loading_info=True, ignore_mismatched_sizes=True
            )
            extractor = ClapFeatureExtractor.from_pretrained(folder, local_files_only=True)
            tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    except Exception as error:
        raise ExportError(f"{folder} cannot be opened: {_first_line(error)}") from error
    model, loading = loaded
    opened = Checkpoint(model.eval().float(), extractor, tokenizer)
    _require_fit(opened)
    _require_weights(folder, opened.model, loading)
    return opened


def _require_files(folder: Path) -> None:
    try:
        configuration = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        kind = configuration.get("model_type")
    except (OSError, ValueError, AttributeError) as error:
        raise ExportError(f"{folder} is no checkpoint: config.json cannot be read ({error})") from error
    if kind != "clap":
        raise ExportError(f"{folder} holds a model of the type {kind}, not clap")
    if not (folder / "preprocessor_config.json").is_file():
        raise ExportError(f"{folder} lacks preprocessor_config.json, which says how audio is heard")
    # without these transformers makes up a tokenizer that knows no words
    if not (folder / "tokenizer.json").is_file() and not all(
        (folder / name).is_file() for name in ("vocab.json", "merges.txt")
    ):
        raise ExportError(f"{folder} has no tokenizer: tokenizer.json, or vocab.json and merges.txt")


def _require_weights(folder: Path, model: Any, loading: Any) -> None:  # noqa: ANN401 - transformers' own
    """Every weight that is used is in the file: transformers fills in random ones."""
    used = {name for name, _ in model.named_parameters() if not name.startswith("logit_scale")}
    used.update(name for name, _ in model.named_buffers() if name.endswith(("running_mean", "running_var")))
    wrong = sorted(used & {*loading["missing_keys"], *(entry[0] for entry in loading["mismatched_keys"])})
    if wrong:
        raise ExportError(
            f"the weights in {folder} do not fit its config.json: {len(wrong)} are missing or of another shape, "
            f"the first is {wrong[0]}"
        )


def _require_fit(opened: Checkpoint) -> None:
    """The parts fit each other, and what `models.clap` does with them."""
    audio, text, extractor = opened.model.config.audio_config, opened.model.config.text_config, opened.extractor
    if audio.enable_fusion or extractor.truncation == "fusion":
        raise ExportError("a checkpoint with feature fusion hears random crops of a track: take an unfused one")
    if extractor.padding != "repeatpad":
        raise ExportError(f"short audio is padded by {extractor.padding!r}: only 'repeatpad' is known")
    if extractor.feature_size != audio.num_mel_bins:
        raise ExportError(f"the preprocessor makes {extractor.feature_size} mels, the model hears {audio.num_mel_bins}")
    if len(opened.tokenizer) > text.vocab_size:
        raise ExportError(f"the tokenizer has {len(opened.tokenizer)} tokens, the model knows {text.vocab_size}")
    positions = text.max_position_embeddings - opened.model.text_model.embeddings.padding_idx - 1
    if positions < MOST_TOKENS:
        raise ExportError(f"the text half has {positions} positions, fewer than the {MOST_TOKENS} that are used")


def _first_line(error: BaseException) -> str:
    return str(error).strip().partition("\n")[0] or type(error).__name__


@contextmanager
def quiet() -> Iterator[None]:
    """Keep transformers and torch silent: tracing warns of every constant that it makes, and those are wanted here."""
    level = logging.getLogger().level
    transformers_logging.set_verbosity_error()  # type: ignore[no-untyped-call]  # not annotated there
    transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]  # not annotated there
    logging.getLogger().setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.getLogger().setLevel(level)
