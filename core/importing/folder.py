"""The files of a model in a folder of `transformers`, and which of them are refused.

The files are a stranger's: names and links cannot lead out of the folder, every read is bounded,
weights in any other format are refused, and no code of the folder is run.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path, PurePath

from core.errors import InputError
from core.system.files import JsonObject, read_json, read_regular_file

CONFIG, GENERATION_CONFIG = "config.json", "generation_config.json"
TOKENIZER, TOKENIZER_CONFIG = "tokenizer.json", "tokenizer_config.json"
WEIGHTS, WEIGHTS_INDEX = "model.safetensors", "model.safetensors.index.json"
MODEL_CARD = "README.md"

MAX_CONFIG_BYTES = 1 << 20
MAX_INDEX_BYTES = 1 << 24
MAX_CARD_BYTES = 1 << 20
MAX_SHARDS = 1000
PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl")
PICKLE_HINT = (
    "Pickle files can run code and are not read. Convert the model once, with transformers: "
    "AutoModelForCausalLM.from_pretrained(FOLDER).save_pretrained(NEW, safe_serialization=True), "
    "and AutoTokenizer likewise."
)
LICENCE_LINE = re.compile(r"^license:\s*([\w .,+-]{1,60})\s*$", re.MULTILINE)


@dataclass(frozen=True)
class ModelFolder:
    """A folder with a model of `transformers`.

    Attributes:
        path: as given.
    """

    path: Path

    def file(self, name: str) -> Path | None:
        """The file of this name, resolved; None if there is none.

        In the cache of `huggingface_hub` a file is a link into the folder `blobs` beside
        `snapshots`, which holds the content.

        Raises:
            InputError: the name or a link leads out of the folder.
        """
        if name in ("", ".", "..") or PurePath(name).name != name:
            raise InputError(
                f"{self.path}: {name[:80]!r} is not the name of a file in this folder."
            )
        path = self.path / name
        try:
            if not path.exists():
                return None
        except OSError as error:
            raise InputError(f"{self.path}: {name[:80]!r}: {error.strerror}.") from None
        target, folder = path.resolve(), self.path.resolve()
        inside = [folder]
        if folder.parent.name == "snapshots":
            inside.append(folder.parent.parent / "blobs")
        if target.parent not in inside:
            raise InputError(
                f"{path} is a link that leads out of the folder, to {target}.",
                "Copy the file itself into the folder.",
            )
        return target

    def read(self, name: str, max_bytes: int = MAX_CONFIG_BYTES) -> JsonObject:
        """The JSON object in a file; empty if there is none.

        Raises:
            DamagedError: it cannot be read.
        """
        path = self.file(name)
        return {} if path is None else read_json(path, max_bytes)

    def config(self) -> JsonObject:
        """The content of config.json.

        Raises:
            InputError: there is none.
        """
        if self.file(CONFIG) is None:
            raise InputError(
                f"{self.path} has no {CONFIG}.",
                "Pass a folder as `save_pretrained` of transformers writes it, or as it is "
                "downloaded from a hub.",
            )
        return self.read(CONFIG)

    def weights(self) -> list[Path]:
        """The files of the weights, in order.

        Raises:
            InputError: there are none, only files that run code when they are read, or files that
                the index names are missing.
        """
        if path := self.file(WEIGHTS):
            return [path]
        if self.file(WEIGHTS_INDEX) is None:
            unsafe = [path.name for pattern in PICKLES for path in self.path.glob(pattern)]
            if unsafe:
                raise InputError(f"{self.path} has its weights in {unsafe[0]!r}.", PICKLE_HINT)
            raise InputError(
                f"{self.path} has no {WEIGHTS}.", f"A sharded model has {WEIGHTS_INDEX} instead."
            )
        names = self.read(WEIGHTS_INDEX, MAX_INDEX_BYTES).get("weight_map")
        if not isinstance(names, dict) or not all(isinstance(n, str) for n in names.values()):
            raise InputError(f"{self.path / WEIGHTS_INDEX} has no weight_map.")
        shards = sorted(set(names.values()))
        if len(shards) > MAX_SHARDS:
            raise InputError(f"{self.path / WEIGHTS_INDEX} names {len(shards):,} files.")
        paths = [self.file(name) for name in shards]
        missing = [
            repr(name[:80]) for name, path in zip(shards, paths, strict=True) if path is None
        ]
        if missing:
            raise InputError(f"{self.path} lacks {', '.join(missing[:5])}.", "Download it again.")
        return [path for path in paths if path is not None]

    def licence(self) -> str:
        """The licence that the model card names; empty if it names none."""
        path = self.file(MODEL_CARD)
        if path is None or path.stat().st_size > MAX_CARD_BYTES:
            return ""
        text = read_regular_file(path, MAX_CARD_BYTES).decode(errors="replace")
        _, _, card = text.partition("---\n")
        if not text.startswith("---\n"):
            return ""
        match = LICENCE_LINE.search(card.partition("\n---")[0])
        return match[1] if match else ""
