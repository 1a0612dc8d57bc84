"""Every setting of models, training and sampling, declared once.

`None` in a `TrainConfig` means "choose for me"; `core.config.planner` replaces it before training.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from core.config.schema import MAX_SEED, find_problems, find_value_problems, setting
from core.errors import SettingsError

MAX_STEPS = 10**10
AUTO, ON, OFF = "auto", "on", "off"
LOSS_ON = REPLIES, ALL_TOKENS = ("replies", "all")
SECONDS_PER_MINUTE = 60.0
LENGTH_SETTINGS = ("epochs", "steps", "minutes")  # of a run; one of them at most
ENCODERS = ("eurobert", "tutorial-encoder")
# Decoders of other programs, which can be imported, by their names in transformers.
FOREIGN_DECODERS = GPT2, LLAMA, QWEN2, GPT_NEOX = ("gpt2", "llama", "qwen2", "gpt_neox")
ARCHITECTURES = ("qwen3", "tutorial", *ENCODERS, *FOREIGN_DECODERS)
DEFAULT_MASK_SHARE = 0.15
PRECISIONS = FLOAT32, BFLOAT16, INT8 = ("float32", "bfloat16", "int8")


@dataclass(frozen=True, kw_only=True)
class ModelConfig:
    """The shape of a model.

    `architecture` "qwen3" is the modern decoder in the layout `transformers` calls Qwen3;
    "tutorial" is the tutorial's post-norm decoder (one key/value head per head, ReLU, untied).
    "eurobert" and "tutorial-encoder" are encoders: the blocks of the modern decoder without causal
    mask and without norms on queries and keys, and the tutorial's encoder. The others are the
    decoders of other programs. In what they differ is said here once: by fields where models of an
    architecture differ among each other, else by properties.

    Attributes:
        labels: of an encoder that labels texts, how many there are; 0 if it fills in blanks. The
            text decides it.
    """

    architecture: str = setting(
        "qwen3", "Architecture", "decoder or encoder", choices=ARCHITECTURES
    )
    vocab_size: int = setting(256, "Vocabulary", "number of tokens", minimum=4, maximum=2**24)
    context: int = setting(256, "Context", "longest input in tokens", minimum=2, maximum=2**17)
    layers: int = setting(4, "Layers", "number of transformer blocks", minimum=1, maximum=256)
    heads: int = setting(4, "Heads", "attention heads per block", minimum=1, maximum=256)
    kv_heads: int = setting(
        4, "Key/value heads", "key/value heads per block; divides heads", minimum=1, maximum=256
    )
    d_model: int = setting(128, "Width", "size of the hidden state", minimum=2, maximum=16384)
    head_dim: int = setting(
        32, "Head size", "size of one head's queries and keys; even", minimum=2, maximum=1024
    )
    d_ff: int = setting(
        344, "Feed-forward", "inner size of the feed-forward", minimum=1, maximum=65536
    )
    activation: str = setting(
        "silu",
        "Activation",
        "activation function of the feed-forward",
        choices=("silu", "relu2", "relu", "gelu", "gelu_new"),
    )
    tie_embeddings: bool = setting(
        True, "Tied embeddings", "use the input embedding as the output projection"
    )
    rope_theta: float = setting(
        10000.0, "Rotary base", "base of the rotary position angles", minimum=1.0, maximum=1e9
    )
    norm_eps: float = setting(
        1e-6, "Norm epsilon", "added under the square root of a norm", minimum=1e-12, maximum=0.1
    )
    attention_bias: bool = setting(
        False, "Attention biases", "biases of the attention's linear maps, its output included"
    )
    mlp_bias: bool = setting(
        False, "Feed-forward biases", "biases of the feed-forward's linear maps"
    )
    rotary_share: float = setting(
        1.0, "Rotary share", "fraction of each head that is rotated", minimum=0.0, maximum=1.0
    )
    parallel_residual: bool = setting(
        False, "Parallel residual", "attention and feed-forward read the same input"
    )
    labels: int = 0

    @property
    def is_encoder(self) -> bool:
        """Whether it fills in blanks or labels a text, instead of continuing it."""
        return self.architecture in ENCODERS

    @property
    def targets_per_sample(self) -> int:
        """The most ids of a sample after its first: a decoder does not read the last."""
        return self.context - 1 if self.is_encoder else self.context

    @property
    def is_tutorial(self) -> bool:
        """Whether its layers are the tutorial's."""
        return self.architecture.startswith("tutorial")

    @property
    def has_qk_norm(self) -> bool:
        """Whether queries and keys are normed."""
        return self.architecture == "qwen3"

    @property
    def has_layer_norm(self) -> bool:
        """Whether its norms are LayerNorm (with biases) instead of RMSNorm."""
        return self.architecture in (GPT2, GPT_NEOX)

    @property
    def has_learned_positions(self) -> bool:
        """Whether each position has an embedding; if not, queries and keys are rotated."""
        return self.architecture == GPT2

    @property
    def has_gate(self) -> bool:
        """Whether the feed-forward multiplies its inner state by a gate."""
        return self.architecture not in (GPT2, GPT_NEOX)

    @property
    def has_qkv_bias(self) -> bool:
        """Whether queries, keys and values have biases."""
        return self.attention_bias or self.architecture == QWEN2

    @property
    def rotary_size(self) -> int:
        """Elements of a head's queries and keys that are rotated by their position."""
        return 0 if self.has_learned_positions else int(self.head_dim * self.rotary_share)

    def __post_init__(self) -> None:
        problems = find_problems(self)
        if not problems and self.heads % self.kv_heads:
            problems["kv_heads"] = f"must divide heads ({self.heads}), is {self.kv_heads}"
        if not problems and self.head_dim % 2:
            problems["head_dim"] = f"must be even, is {self.head_dim}"
        if type(self.labels) is not int or self.labels < 0:
            problems["labels"] = f"must be a number of labels, is {self.labels!r}"
        elif not problems and self.labels and not self.is_encoder:
            problems["labels"] = f"only encoders have some, not {self.architecture}"
        if not problems and self.rotary_size % 2:
            size = self.rotary_size
            problems["rotary_share"] = f"must be of an even number of elements, is of {size}"
        if problems:
            raise SettingsError(problems)


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """How to train; `None` is chosen from the corpus and the device."""

    preset: str = setting("auto", "Preset", "model size; auto chooses it from the text")
    tokenizer: str | None = setting(
        None, "Tokenizer", "kind of token", choices=("word", "char", "bpe")
    )
    vocab_size: int | None = setting(
        None, "Vocabulary", "maximum size of the vocabulary", minimum=4, maximum=2**20
    )
    epochs: float | None = setting(
        None, "Epochs", "passes over the training data", minimum=1e-3, maximum=1e7, live=True
    )
    steps: int | None = setting(
        None, "Steps", "updates of the weights", minimum=1, maximum=MAX_STEPS, live=True
    )
    minutes: float | None = setting(
        None,
        "Minutes",
        "wall time of training, evaluation and saving included; sets the steps",
        minimum=0.01,
        maximum=1e6,
    )
    batch_size: int | None = setting(None, "Batch", "samples per update", minimum=1, maximum=2**20)
    accumulation: int = setting(
        1, "Accumulation", "micro-batches per update, to save memory", minimum=1, maximum=4096
    )
    recompute: bool = setting(
        False, "Recompute", "recompute activations in the backward pass, to save memory"
    )
    compile: str = setting(
        AUTO,
        "Compile",
        "torch.compile; auto: on a GPU, if the remaining time is worth it",
        choices=(AUTO, ON, OFF),
    )
    loss_on: str = setting(
        "replies",
        "Loss on",
        "tokens of conversations and pairs that are learnt: the assistant's, or all",
        choices=LOSS_ON,
    )
    mask_share: float | None = setting(
        None,
        "Mask share",
        "fraction of the tokens that an encoder has to restore",
        minimum=0.01,
        maximum=0.9,
    )
    optimizer: str | None = setting(
        None, "Optimizer", "update rule", choices=("adam", "adamw", "muon")
    )
    learning_rate: float | None = setting(
        None,
        "Learning rate",
        "peak learning rate",
        minimum=1e-9,
        maximum=10.0,
        live=True,
    )
    schedule: str | None = setting(
        None,
        "Schedule",
        "how the learning rate changes after the warm-up",
        choices=("constant", "linear", "cosine"),
    )
    warmup_steps: int | None = setting(
        None,
        "Warm-up",
        "steps over which the learning rate rises from zero",
        minimum=0,
        maximum=10**9,
    )
    final_learning_rate: float = setting(
        0.1, "Final rate", "fraction of the learning rate left at the end", minimum=0.0, maximum=1.0
    )
    beta1: float = setting(
        0.9, "Beta 1", "decay of the running mean of the gradient", minimum=0.0, maximum=0.9999
    )
    beta2: float | None = setting(
        None,
        "Beta 2",
        "decay of the running mean of the squared gradient",
        minimum=0.0,
        maximum=0.99999,
    )
    momentum: float = setting(0.9, "Momentum", "Muon's momentum", minimum=0.0, maximum=0.9999)
    adam_share: float = setting(
        0.15,
        "Adam's share",
        "fraction of Muon's learning rate for embeddings and norms",
        minimum=1e-6,
        maximum=1e3,
    )
    weight_decay: float | None = setting(
        None, "Weight decay", "decay of matrices towards zero", minimum=0.0, maximum=10.0, live=True
    )
    clip: float | None = setting(
        None, "Clipping", "maximum gradient norm; 0 is off", minimum=0.0, maximum=1e6, live=True
    )
    dropout: float | None = setting(
        None,
        "Dropout",
        "fraction of activations dropped in training",
        minimum=0.0,
        maximum=0.9,
        live=True,
    )
    patience: int = setting(
        0,
        "Patience",
        "evaluations without improvement before stopping; 0 is off",
        minimum=0,
        maximum=10**6,
        live=True,
    )
    eval_steps: int | None = setting(
        None, "Evaluate every", "steps between evaluations", minimum=1, maximum=10**9
    )
    checkpoint_seconds: float = setting(
        60.0,
        "Save every",
        "seconds between checkpoints",
        minimum=0.0,
        maximum=86400.0,
        live=True,
    )
    snapshots: bool = setting(
        True, "Snapshots", "keep the weights of steps 0, 1, 2, 4, 8 … to compare them later"
    )
    sample_prompt: str | None = setting(
        None, "Sample prompt", "prompt of the samples shown during training"
    )
    device: str = setting("auto", "Device", "auto, cpu, cuda, cuda:1, mps")
    devices: int = setting(
        1, "Devices", "devices to train on in parallel; 0 uses all", minimum=0, maximum=4096
    )
    precision: str | None = setting(
        None, "Precision", "number format of matrix products", choices=("float32", "bfloat16")
    )
    threads: int | None = setting(None, "Threads", "CPU threads", minimum=1, maximum=1024)
    seed: int = setting(0, "Seed", "same seed, same run", minimum=0, maximum=MAX_SEED)

    def __post_init__(self) -> None:
        problems = find_problems(self)
        lengths = [name for name in LENGTH_SETTINGS if getattr(self, name) is not None]
        if len(lengths) > 1:
            both = (problems.get(lengths[1]), f"choose one of {' and '.join(lengths)}")
            problems[lengths[1]] = "; ".join(filter(None, both))
        if problems:
            raise SettingsError(problems)


@dataclass(frozen=True, kw_only=True)
class SamplingConfig:
    """How the next token is sampled; the default is greedy."""

    max_tokens: int = setting(
        50, "Tokens", "maximum length of a reply in tokens", minimum=1, maximum=10**9
    )
    temperature: float = setting(
        0.0,
        "Temperature",
        "0 always takes the most likely token; 1 keeps the model's distribution",
        minimum=0.0,
        maximum=100.0,
    )
    top_k: int = setting(
        0, "Top k", "keep the k most likely tokens; 0 is off", minimum=0, maximum=2**24
    )
    top_p: float = setting(
        1.0,
        "Top p",
        "keep the most likely tokens that together reach p; 1 is off",
        minimum=0.0,
        maximum=1.0,
    )
    min_p: float = setting(
        0.0,
        "Min p",
        "drop tokens less likely than this fraction of the likeliest; 0 is off",
        minimum=0.0,
        maximum=1.0,
    )
    repetition_penalty: float = setting(
        1.0,
        "Repetition penalty",
        "how much less likely repeated tokens become; 1 is off",
        minimum=0.01,
        maximum=100.0,
    )
    seed: int = setting(0, "Seed", "same seed, same reply", minimum=0, maximum=MAX_SEED)
    stop: tuple[str, ...] = setting((), "Stop", "texts that end the reply")

    def __post_init__(self) -> None:
        problems = find_problems(self)
        if "stop" not in problems and not all(isinstance(text, str) and text for text in self.stop):
            problems["stop"] = "must be texts of at least one character"
        if problems:
            raise SettingsError(problems)


@dataclass(frozen=True, kw_only=True)
class Extension:
    """How much longer to train a run: at most one of three units; none means as planned.

    Raises:
        SettingsError: several units, or an invalid value.
    """

    steps: int | None = None
    epochs: float | None = None
    minutes: float | None = None

    def __post_init__(self) -> None:
        given = self.to_json()
        problems = find_value_problems(TrainConfig, given)
        if len(given) > 1:
            problems[list(given)[1]] = f"choose one of {' and '.join(given)}"
        if problems:
            raise SettingsError(problems)

    def __bool__(self) -> bool:
        return bool(self.to_json())

    def to_json(self) -> dict[str, Any]:
        """The given unit; `Extension(**values)` restores it."""
        return {name: value for name, value in vars(self).items() if value is not None}

    def steps_to_add(self, steps_per_epoch: float, seconds_per_step: float | None) -> int:
        """Training steps, at least one.

        Args:
            seconds_per_step: as timed; needed for minutes only.
        """
        if self.steps is not None:
            return self.steps
        if self.epochs is not None:
            return max(1, round(self.epochs * steps_per_epoch))
        assert self.minutes is not None
        assert seconds_per_step is not None
        return max(1, round(self.minutes * SECONDS_PER_MINUTE / seconds_per_step))
