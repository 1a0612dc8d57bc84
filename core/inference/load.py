"""Loading the model of a run for inference."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from core.config.budget import FLOAT32_BYTES, GIB, count_parameters
from core.config.configs import FLOAT32, ModelConfig
from core.config.plan_inputs import DeviceFacts
from core.errors import Cancelled, DamagedError, InputError, ResourceError
from core.model import factory, state_dict
from core.model.decoder import Decoder
from core.model.device import device_facts
from core.model.encoder import Encoder
from core.model.language_model import LanguageModel
from core.model.quantize import quantize_weights
from core.model.safetensors_io import read_tensors
from core.progress import CancelCheck, never_cancelled
from core.run.directory import Run
from core.run.model_files import check_tensor_count, check_vocabulary, read_model_config
from core.run.model_kind import ModelKind, check_kind
from core.run.record import read_record, task_of_record
from core.run.weights_ref import LAST, weights_file
from core.system.files import JsonObject
from core.text.corpus import CHAT_READINGS
from core.text.messages import CONTINUE, FILL, Message
from core.tokenizer.chat_format import FittedChat, encode_chat
from core.tokenizer.special_tokens import EOS, SOS
from core.tokenizer.tokenizer import Tokenizer


@dataclass(frozen=True)
class LoadedRun:
    """A model with its tokenizer.

    Attributes:
        model: in evaluation mode, on its device.
        tokenizer: the one it was trained with.
        reading: how its corpus was cut, one of `core.text.corpus.READINGS`.
        task: what it does, one of `core.text.messages.TASKS`.
        labels: of a task "classify", the most frequent in training first.
    """

    model: LanguageModel
    tokenizer: Tokenizer
    reading: str
    task: str = CONTINUE
    labels: tuple[str, ...] = ()

    @property
    def is_chat(self) -> bool:
        """Whether it replies to messages instead of continuing a text."""
        return self.reading in CHAT_READINGS

    def encode_messages(
        self, messages: Sequence[Message], *, reply_tokens: int = 0, allow_unknown: bool = False
    ) -> FittedChat:
        """The ids before the reply to the last message, see `encode_chat`.

        Args:
            reply_tokens: tokens of the context to leave for the reply.

        Raises:
            InputError: the model continues texts, or the last message does not fit.
        """
        if not self.is_chat:
            raise InputError(
                "This model continues a text; it was not trained on conversations.",
                "Pass a prompt instead of messages.",
            )
        context = self.model.config.context
        return encode_chat(
            self.tokenizer,
            messages,
            context,
            reply_tokens=reply_tokens,
            allow_unknown=allow_unknown,
        )


@dataclass(frozen=True)
class LoadedModel(LoadedRun):
    """A decoder with its tokenizer."""

    model: Decoder

    @property
    def keep_first(self) -> int:
        """How many ids at the start stay when the context slides, see `keep_first`."""
        return keep_first(self.tokenizer, self.reading)

    @property
    def start_id(self) -> int:
        """The id before the first token of a text."""
        return self.tokenizer.start_id(self.reading)

    def encode(self, prompt: str) -> list[int]:
        """The ids before the continuation of a prompt, see `prompt_ids`."""
        return prompt_ids(self.tokenizer, self.reading, prompt)


@dataclass(frozen=True)
class LoadedEncoder(LoadedRun):
    """An encoder that fills in blanks, with its tokenizer, which has `<mask>`."""

    model: Encoder
    task: str = FILL


@dataclass(frozen=True)
class LoadedClassifier(LoadedRun):
    """An encoder that labels texts, with its tokenizer, which has the roles."""

    model: Encoder


def keep_first(tokenizer: Tokenizer, reading: str) -> int:
    """How many ids at the start stay when the context slides: the one that begins every text."""
    return int(tokenizer.has_start(reading))


def prompt_ids(
    tokenizer: Tokenizer, reading: str, prompt: str, *, allow_unknown: bool = False
) -> list[int]:
    """The ids before the continuation of a prompt, with its start if texts have one.

    A model of pairs or conversations takes the prompt as the only message of the user, and replies.

    Args:
        allow_unknown: take words outside the vocabulary as <unk>.

    Raises:
        UnknownWordError: words that are not in the vocabulary.
    """
    ids = tokenizer.encode(prompt) if allow_unknown else tokenizer.encode_prompt(prompt)
    if reading in CHAT_READINGS:
        roles = tokenizer.roles
        assert roles, "the tokenizer of a run on conversations"
        return [SOS, roles.user, *ids, EOS, roles.assistant]
    return [tokenizer.start_id(reading), *ids] if tokenizer.has_start(reading) or not ids else ids


def load_model(
    run: Run,
    weights: str = LAST,
    device: str = "auto",
    cancelled: CancelCheck = never_cancelled,
    precision: str = FLOAT32,
) -> LoadedModel:
    """Load the decoder of a run.

    Args:
        weights: "last", "best" or the step of a snapshot.
        device: as on the command line.
        precision: of the weights in memory, see `core.model.quantize`.

    Raises:
        InputError: no such weights, device or precision, or the run has no decoder.
        DamagedError: a file of the run cannot be read.
        Cancelled: `cancelled` returned true.
    """
    check_kind(run, ModelKind.DECODER)
    model, tokenizer, corpus = _load(run, weights, device, cancelled, precision)
    assert isinstance(model, Decoder)
    reading = str(corpus["reading"])
    if reading in CHAT_READINGS and not tokenizer.roles:
        raise DamagedError(
            f"The tokenizer of {run.name} has no tokens for the roles of a conversation.",
            "Train it again.",
        )
    return LoadedModel(model, tokenizer, reading, *task_of_record(corpus))


def load_encoder(
    run: Run,
    weights: str = LAST,
    device: str = "auto",
    cancelled: CancelCheck = never_cancelled,
) -> LoadedEncoder:
    """Load the encoder of a run that fills in blanks; arguments and errors as for `load_model`."""
    check_kind(run, ModelKind.ENCODER)
    model, tokenizer, corpus = _load(run, weights, device, cancelled, FLOAT32)
    assert isinstance(model, Encoder)
    if tokenizer.mask_id is None:
        raise DamagedError(f"The tokenizer of {run.name} has no <mask>.", "Train it again.")
    return LoadedEncoder(model, tokenizer, str(corpus["reading"]))


def load_classifier(
    run: Run,
    weights: str = LAST,
    device: str = "auto",
    cancelled: CancelCheck = never_cancelled,
) -> LoadedClassifier:
    """Load the encoder of a run that labels texts; arguments and errors as for `load_model`."""
    check_kind(run, ModelKind.CLASSIFIER)
    model, tokenizer, corpus = _load(run, weights, device, cancelled, FLOAT32)
    assert isinstance(model, Encoder)
    task, labels = task_of_record(corpus)
    if tokenizer.roles is None or len(labels) != model.config.labels:
        raise DamagedError(
            f"The head of {run.name} has {model.config.labels} labels, its record {len(labels)}; "
            f"its tokenizer has {'the' if tokenizer.roles else 'no'} tokens of roles.",
            "Train it again.",
        )
    return LoadedClassifier(model, tokenizer, str(corpus["reading"]), task, labels)


def check_memory(name: str, config: ModelConfig, device: DeviceFacts) -> None:
    """Refuse a model that does not fit into the free memory, before it is allocated.

    Raises:
        ResourceError: its weights in float32 take more than is free.
    """
    needed = FLOAT32_BYTES * count_parameters(config)
    if needed > device.free_memory:
        raise ResourceError(
            f"{name} takes about {needed / GIB:.1f} GiB of memory; "
            f"{device.free_memory / GIB:.1f} GiB are free on {device.device}.",
            "Close other programs, or use a smaller model.",
        )


def _load(
    run: Run, weights: str, device: str, cancelled: CancelCheck, precision: str
) -> tuple[LanguageModel, Tokenizer, JsonObject]:
    """The model in evaluation mode on its device, its tokenizer, and the record of its corpus."""
    path = weights_file(run, weights)
    facts = device_facts(device)
    corpus: JsonObject = read_record(run)["corpus"]
    config, tokenizer = read_model_config(run.config), Tokenizer.load(run.folder)
    check_vocabulary(run, tokenizer, config)
    check_tensor_count(path, config)
    check_memory(run.name, config, facts)
    if cancelled():
        raise Cancelled
    model = factory.build_model(config, seed=None)
    state_dict.load_stored(model, read_tensors(path), path)
    if cancelled():
        raise Cancelled
    model = model.to(torch.device(facts.device)).eval()
    quantize_weights(model, precision)
    return model, tokenizer, corpus
