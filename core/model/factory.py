"""Build the model that a configuration describes."""

from __future__ import annotations

from collections.abc import Callable

from core.config.budget import check_architecture
from core.config.configs import FOREIGN_DECODERS, ModelConfig
from core.model.encoder import Encoder
from core.model.gpt import GPT, ModernEncoder
from core.model.language_model import LanguageModel
from core.model.tutorial import TutorialEncoder, TutorialGPT

MODELS: dict[str, Callable[[ModelConfig, int | None], LanguageModel]] = {
    "qwen3": GPT,
    "tutorial": TutorialGPT,
    "eurobert": ModernEncoder,
    "tutorial-encoder": TutorialEncoder,
    **dict.fromkeys(FOREIGN_DECODERS, GPT),
}


def build_model(config: ModelConfig, seed: int | None = 0) -> LanguageModel:
    """A model on the CPU, in float32.

    Args:
        config: the shape.
        seed: of the initial weights, independent of earlier random numbers; None leaves them
            uninitialised, to be loaded.

    Raises:
        SettingsError: settings that the architecture does not have.
    """
    check_architecture(config)
    return MODELS[config.architecture](config, seed)


def build_encoder(config: ModelConfig, seed: int | None = 0) -> Encoder:
    """As `build_model`, for the shape of an encoder."""
    model = build_model(config, seed)
    assert isinstance(model, Encoder), config.architecture
    return model
