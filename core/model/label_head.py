"""The head of an encoder that labels texts.

Shapes: D width, L labels.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from core.config.configs import ModelConfig
from core.model.language_model import uninitialised
from core.model.linear import Linear


class LabelHead(nn.Module):
    """Linear map, GELU, linear map, as in `transformers`' EuroBertForSequenceClassification.

    It is read at <sos>, the first token, which attends to the whole text (Devlin et al. 2018,
    "BERT", section 4.1).
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.dense = uninitialised(Linear, config.d_model, config.d_model)
        self.classifier = uninitialised(Linear, config.d_model, config.labels)

    def forward(self, hidden: Tensor) -> Tensor:
        """Logits (…, L) of normed hidden states (…, D)."""
        logits: Tensor = self.classifier(F.gelu(self.dense(hidden)))
        return logits
