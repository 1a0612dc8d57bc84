"""Make the model that a configuration describes."""

from __future__ import annotations

from core.config.budget import check_architecture
from core.config.configs import ModelConfig
from core.model.decoder import Decoder
from core.model.gpt import GPT
from core.model.tutorial import TutorialGPT


def build_model(config: ModelConfig, seed: int | None = 0) -> Decoder:
    """A model on the host, in float32.

    Args:
        config: its shape.
        seed: of the first weights, which do not depend on anything drawn before; None leaves
            them unset for a caller who loads them.

    Raises:
        SettingsError: a shape that the architecture does not have.
    """
    check_architecture(config)
    kind = TutorialGPT if config.architecture == "tutorial" else GPT
    return kind(config, seed)
