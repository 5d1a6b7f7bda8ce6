"""CLAP's text half as one network from tokens to a vector.

The arithmetic is that of `ClapTextModel` (RoBERTa) and its projection in transformers, written out so that every shape
but the number of texts and tokens is a constant.

Needs torch: this module is for exporting, never for serving.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

_MASKED = -1e9
"""Added to the scores of padding: its weight becomes 0 in float32."""


class TextLayer(nn.Module):
    """One transformer layer.

    Args:
        source: A `ClapTextLayer`.
    """

    def __init__(self, source: Any) -> None:  # noqa: ANN401 - transformers is imported by whoever exports
        super().__init__()
        own = source.attention.self
        self.heads, self.width = own.num_attention_heads, own.attention_head_size
        scale = self.width**-0.5
        self.weight = nn.Buffer(
            torch.cat([own.query.weight * scale, own.key.weight, own.value.weight]).t().contiguous()
        )
        self.bias = nn.Buffer(torch.cat([own.query.bias * scale, own.key.bias, own.value.bias]))
        self.output, self.norm = source.attention.output.dense, source.attention.output.LayerNorm
        self.wide, self.activation = source.intermediate.dense, source.intermediate.intermediate_act_fn
        self.narrow, self.last_norm = source.output.dense, source.output.LayerNorm

    def forward(self, tokens: Tensor, masked: Tensor) -> Tensor:
        """(batch, tokens, channels) to the same shape."""
        batch, length = tokens.shape[0], tokens.shape[1]
        joint = torch.matmul(tokens, self.weight) + self.bias
        parts = joint.reshape(batch, length, 3, self.heads, self.width).permute(2, 0, 3, 1, 4)
        scores = torch.matmul(parts[0], parts[1].transpose(-1, -2)) + masked
        mixed = torch.matmul(torch.softmax(scores, dim=-1), parts[2])
        joined = mixed.permute(0, 2, 1, 3).reshape(batch, length, self.heads * self.width)
        tokens = self.norm(self.output(joined) + tokens)
        result: Tensor = self.last_norm(self.narrow(self.activation(self.wide(tokens))) + tokens)
        return result


class TextGraph(nn.Module):
    """Token ids to the unit vector.

    Args:
        model: A `ClapModel` in evaluation mode.
    """

    def __init__(self, model: Any) -> None:  # noqa: ANN401 - as above
        super().__init__()
        text = model.text_model
        embeddings = text.embeddings
        self.words = embeddings.word_embeddings
        # every token is of the first type: its embedding goes into those of the positions
        places = embeddings.position_embeddings.weight + embeddings.token_type_embeddings.weight[0]
        self.places = nn.Buffer(places.detach())
        self.padding = int(embeddings.padding_idx)
        self.norm = embeddings.LayerNorm
        self.layers = nn.ModuleList(TextLayer(layer) for layer in text.encoder.layer)
        self.pooler, self.projection = text.pooler, model.text_projection

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """(batch, tokens) ids and ones where a token is no padding, to (batch, dimensions) of length 1."""
        places = torch.cumsum(attention_mask, dim=1) * attention_mask + self.padding
        masked = ((1 - attention_mask).float() * _MASKED)[:, None, None, :]
        tokens = self.norm(self.words(input_ids) + functional.embedding(places, self.places))
        for layer in self.layers:
            tokens = layer(tokens, masked)
        return functional.normalize(self.projection(self.pooler(tokens)), dim=-1)
