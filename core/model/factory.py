"""Build the model that a configuration describes."""

from __future__ import annotations

from core.config.budget import check_architecture
from core.config.configs import ModelConfig
from core.model.decoder import Decoder
from core.model.gpt import GPT
from core.model.tutorial import TutorialGPT


def build_model(config: ModelConfig, seed: int | None = 0) -> Decoder:
    """A model on the CPU, in float32.

    Args:
        config: the shape.
        seed: of the initial weights, independent of earlier random numbers; None leaves them
            uninitialised, to be loaded.

    Raises:
        SettingsError: settings that the architecture does not have.
    """
    check_architecture(config)
    decoder = TutorialGPT if config.architecture == "tutorial" else GPT
    return decoder(config, seed)
