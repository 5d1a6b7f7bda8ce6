"""CLAP checkpoints with random weights, saved as the hub has them: what is proven and measured where the hub is not.

Needs torch and transformers, the extra `export`.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import torch
from tokenizers import ByteLevelBPETokenizer
from transformers import ClapAudioConfig, ClapConfig, ClapFeatureExtractor, ClapModel, ClapTextConfig

from models.relevance.calibration import load_texts

if TYPE_CHECKING:
    from pathlib import Path

PREPROCESSOR: dict[str, Any] = {
    "feature_size": 64,
    "sampling_rate": 48_000,
    "hop_length": 480,
    "max_length_s": 10,
    "fft_window_size": 1024,
    "frequency_min": 50,
    "frequency_max": 14_000,
    "truncation": "rand_trunc",
    "padding": "repeatpad",
}
"""What the published checkpoint's preprocessor_config.json says."""

_GAIN = 0.7

_MIXING = 3
"""By how much more the tokens of a text take from each other: the first, which all texts share, makes the vector."""

_SPECIAL = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]


def real_config() -> ClapConfig:
    """Sizes of laion/clap-htsat-unfused."""
    return ClapConfig(
        text_config=ClapTextConfig(max_position_embeddings=514, type_vocab_size=1, vocab_size=50265).to_dict(),
        audio_config=ClapAudioConfig().to_dict(),
    )


def tiny_config() -> ClapConfig:
    """The same architecture in every respect but its widths and depths."""
    text = ClapTextConfig(
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        vocab_size=600,
        max_position_embeddings=130,
        type_vocab_size=1,
        projection_dim=64,
    )
    audio = ClapAudioConfig(
        patch_embeds_hidden_size=8,
        hidden_size=32,
        depths=[2, 2, 2],
        num_attention_heads=[2, 2, 4],
        num_hidden_layers=3,
        projection_dim=64,
    )
    return ClapConfig(text_config=text.to_dict(), audio_config=audio.to_dict(), projection_dim=64)


def save_checkpoint(folder: Path, config: ClapConfig, *, seed: int = 0, gain: float = _GAIN) -> Path:
    """Write a model with random weights, its preprocessor's configuration and its tokenizer.

    The weights are drawn wider than for training: with the usual ones every text, and every sound, gets nearly the same
    vector, and a comparison would show nothing.

    Args:
        folder: Made where it is missing.
        config: Sizes of the model.
        seed: Of the weights.
        gain: Standard deviation of a weight, times the root of how many are added up: 1 keeps the size of what goes
            through, and less lets the layers before shine through.

    Returns:
        The folder.
    """
    torch.manual_seed(seed)
    model: Any = ClapModel(config)
    model.eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.ndim > 1:
                spread = 1.0 if "embeddings" in name else gain * parameter[0].numel() ** -0.5
                if "text_model" in name and ("self.value" in name or "attention.output" in name):
                    spread *= _MIXING
                parameter.normal_(0, 0.3 if "relative_position" in name else spread)
            elif name.endswith("bias"):
                parameter.normal_(0, 0.1)
        norm = model.audio_model.audio_encoder.batch_norm
        norm.running_mean.fill_(-40.0)
        norm.running_var.fill_(300.0)
    model.save_pretrained(folder)
    ClapFeatureExtractor(**PREPROCESSOR).save_pretrained(folder)
    text: Any = config.text_config
    _save_tokenizer(folder, text.vocab_size, text.max_position_embeddings)
    return folder


def _save_tokenizer(folder: Path, most: int, positions: int) -> None:
    """A byte-level BPE tokenizer trained on the calibration texts, with RoBERTa's special tokens.

    Given room it makes a token of each word that it has seen, as the published one does of common words: texts are then
    as long, in tokens, as they are there.
    """
    texts = load_texts()
    tokenizer = ByteLevelBPETokenizer()
    tokenizer.train_from_iterator(
        [*texts.descriptions, *texts.unrelated],
        vocab_size=most,
        min_frequency=1,
        special_tokens=_SPECIAL,
        show_progress=False,
    )
    tokenizer.save_model(str(folder))
    settings = {
        "tokenizer_class": "RobertaTokenizer",
        "model_max_length": positions - 2,
        **{f"{name}_token": token for name, token in zip(("bos", "pad", "eos", "unk", "mask"), _SPECIAL, strict=True)},
        "cls_token": "<s>",
        "sep_token": "</s>",
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
