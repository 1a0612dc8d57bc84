"""How many tokens of unseen sentences each model names: encoders, a decoder, counts.

python tests/benchmarks/encoders.py [CORPUS] [--models NAME …] [--seeds 0,1,2]
    [--set key=value …] [--quick]

Each model is trained as the command `train` does, with the preset of its name and, if there are
none in `--set`, its own settings. The sentences are those of the validation part that the training
part does not contain. Each of their tokens is restored by itself: an encoder sees `<mask>` in its
place and all the rest, a decoder what comes before, and counts both neighbours. Once the sentence
stands alone (counts then know where it begins and ends), and once in the text around it, as much
as fits into the context. "Words" are those tokens that are one whole word: no punctuation and no
pieces of words.
"""

from __future__ import annotations

import argparse
import random
import re
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from machine import print_machine

from core.config.configs import TrainConfig
from core.config.planner import is_encoder
from core.config.schema import parse_value
from core.dataset.spans import Int64Array, Spans
from core.dataset.token_store import build_tokens
from core.inference.fill import blank_logits
from core.inference.load import load_encoder, load_model
from core.model.decoder import Decoder
from core.model.encoder import Encoder
from core.paths import Home
from core.run.create import create_run
from core.run.directory import Run
from core.system.process import keep_freed_memory
from core.text.corpus import TEXT, Corpus, bundled_corpora
from core.tokenizer.special_tokens import EOS, PAD, SOS
from core.tokenizer.tokenizer import Tokenizer
from core.train.batches import LineSamples
from core.train.job import train
from core.train.masked_baselines import TwoSidedCounts

MODELS = ("tiny", "encoder", "encoder-modern")
MAX_PLACES, QUICK_PLACES, QUICK_STEPS = 2000, 40, 5
PLACES_SEED = 5
SENTENCE_END = re.compile(r'(?<=[.!?"])\s+(?=[A-Z"])')


@dataclass(frozen=True)
class Place:
    """A token to restore.

    Attributes:
        begin, end: the range of its sentence in the validation part.
        at: the token.
        is_word: whether it is one whole word.
    """

    begin: int
    end: int
    at: int
    is_word: bool

    def window(self, ids: Sequence[int], context: int, *, alone: bool) -> tuple[list[int], int]:
        """At most `context` ids around the place, of the sentence or of the text; and the place."""
        first, last = (self.begin, self.end) if alone else (0, len(ids))
        if last - first > context:
            first = min(max(first, self.at - context // 2), last - context)
            last = first + context
        return list(ids[first:last]), self.at - first


def read_text(tokenizer: Tokenizer, ids: Sequence[int]) -> tuple[str, Int64Array]:
    """The text of ids, and where the text of each id ends in it."""
    stream = tokenizer.stream()
    pieces = [stream.push(id) for id in ids]
    return "".join(pieces), np.cumsum([len(piece) for piece in pieces])


def split_sentences(text: str) -> Iterator[tuple[str, int]]:
    """The sentences of a text, and where each ends."""
    begin = 0
    for match in SENTENCE_END.finditer(text):
        yield text[begin : match.start()].strip(), match.start()
        begin = match.end()


def sentence_ranges(text: str, ends: Int64Array) -> Iterator[tuple[str, int, int]]:
    """The sentences of a text, each with the range of its ids; white space may be part of it."""
    begin = 0
    for sentence, stop in split_sentences(text):
        end = int(np.searchsorted(ends, stop, side="right"))
        yield sentence, begin, end
        begin = end


def find_places(tokenizer: Tokenizer, train: Sequence[int], ids: Sequence[int]) -> list[Place]:
    """The tokens of the sentences of `ids`, the validation part, that `train` does not contain."""
    seen = {sentence for sentence, _ in split_sentences(read_text(tokenizer, train)[0])}
    text, ends = read_text(tokenizer, ids)
    places: list[Place] = []
    for number, (sentence, begin, end) in enumerate(sentence_ranges(text, ends)):
        if number > 0 and sentence not in seen:  # the first sentence may be half of one
            places += (
                Place(begin, end, at, _is_word(text, int(ends[at - 1]), int(ends[at])))
                for at in range(begin, end)
                if text[ends[at - 1] : ends[at]].strip()
            )
    return places


def _is_word(text: str, begin: int, end: int) -> bool:
    """Whether a range of a text, but for white space, is one whole word."""
    begin = end - len(text[begin:end].lstrip())
    around = text[begin - 1 : begin] + text[end : end + 1]
    return text[begin:end].isalpha() and not any(map(str.isalpha, around))


def restored(
    model: Encoder, tokenizer: Tokenizer, text: Sequence[int], place: Place, *, alone: bool
) -> int:
    """The token the encoder puts in a place of the validation part."""
    assert tokenizer.mask_id is not None
    ids, at = place.window(text, model.config.context, alone=alone)
    ids[at] = tokenizer.mask_id
    units = tokenizer.unit_ids
    logits = blank_logits(model, ids, [at])[0, units.start : units.stop]
    return int(logits.argmax()) + units.start


@torch.inference_mode()
def continued(model: Decoder, text: Sequence[int], place: Place, *, alone: bool) -> int:
    """The token the decoder puts after those before a place; a text begins after <eos>."""
    before = [EOS, *text[place.begin if alone else 0 : place.at]][-model.config.context :]
    hidden = model(torch.tensor([before]))[:, -1]
    return int(model.head(hidden)[0].argmax())


def count_text(ids: Sequence[int], vocab_size: int) -> TwoSidedCounts:
    """Counts of the training part as running text."""
    whole = Spans(np.zeros(1, np.int64), np.array([len(ids)]))
    return TwoSidedCounts.of(np.array(ids, np.uint32), LineSamples(whole), vocab_size)


def count_sentences(tokenizer: Tokenizer, ids: Sequence[int]) -> TwoSidedCounts:
    """Counts of the training part cut into sentences, each between <sos> and <eos>."""
    rows = [
        [SOS, *ids[begin:end], EOS] for _, begin, end in sentence_ranges(*read_text(tokenizer, ids))
    ]
    ends = np.cumsum([len(row) for row in rows])
    spans = Spans(np.concatenate([[0], ends[:-1]]), ends)
    joined = np.array([id for row in rows for id in row], np.uint32)
    return TwoSidedCounts.of(joined, LineSamples(spans), tokenizer.vocab_size)


def counted(
    counts: TwoSidedCounts, text: Sequence[int], places: Sequence[Place], *, alone: bool
) -> tuple[list[int], list[int]]:
    """The most frequent token, and the likeliest between both neighbours, of each place."""
    neighbours = []
    for place in places:
        ids, at = place.window(text, len(text), alone=alone)
        padded = [SOS, *ids, EOS] if alone else [PAD, *ids, PAD]
        neighbours.append((padded[at], padded[at + 2]))
    left, right = (np.array(side, np.int64) for side in zip(*neighbours, strict=True))
    likeliest = counts.distribution(left, right).argmax(axis=1).tolist()
    return [int(counts.unigram.argmax())] * len(places), likeliest


def report(
    label: str, places: Sequence[Place], right: Mapping[bool, Sequence[bool]], note: str
) -> None:
    """Print one row: accuracy alone and in the text, of all tokens and of words."""
    cells = []
    for alone in (True, False):
        words = [hit for place, hit in zip(places, right[alone], strict=True) if place.is_word]
        cells += [f"{sum(hits) / max(1, len(hits)):9.1%}" for hits in (right[alone], words)]
    print(f"{label:<24}{''.join(cells)}  {note}", flush=True)


def train_run(home: Home, corpus: Corpus, config: TrainConfig) -> tuple[Run, str]:
    """Train one run; return it with its steps and its time."""
    cpu, wall = time.process_time(), time.perf_counter()
    run, lock = create_run(home, corpus.name, config, {})
    last: dict[str, Mapping[str, Any]] = {}
    train(home, run, lock, listeners=[lambda event: last.update({event.type: event.fields})])
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    if "finished" not in last:
        raise SystemExit(f"training failed: {last.get('failed')}")
    loss = last["finished"].get("val_loss")
    return run, f"{last['prepared']['steps']} steps, {cpu:.0f} s CPU, {wall:.0f} s, loss {loss:.3f}"


def measure(
    corpus: Corpus, config: TrainConfig, home: Home, most: int, *, with_counts: bool
) -> None:
    """Train a preset, and print its row, at first also those of the counts."""
    run, note = train_run(home, corpus, config)
    torch.set_num_threads(1)
    is_blank = is_encoder(config.preset, {})
    loaded = load_encoder(run, device="cpu") if is_blank else load_model(run, device="cpu")
    model, tokenizer = loaded.model, loaded.tokenizer
    tokens = build_tokens(corpus, TEXT, tokenizer, home)
    train_text, text = (
        tokens.ids[slice(*span)].tolist() for span in (tokens.train_span, tokens.val_span)
    )
    places = find_places(tokenizer, train_text, text)
    random.Random(PLACES_SEED).shuffle(places)
    sentences, places = len({place.begin for place in places}), places[:most]
    expected = [text[place.at] for place in places]

    def compare(answers: Sequence[int]) -> list[bool]:
        return [one == other for one, other in zip(answers, expected, strict=True)]

    if with_counts:
        words = sum(place.is_word for place in places)
        print(f"{sentences:,} unseen sentences, {len(places):,} places, {words:,} of them words")
        print(f"{'':<24}{'alone':>9}{'words':>9}{'in text':>9}{'words':>9}")
        counts = {
            True: count_sentences(tokenizer, train_text),
            False: count_text(train_text, tokenizer.vocab_size),
        }
        both = {alone: counted(counts[alone], text, places, alone=alone) for alone in counts}
        for number, label in enumerate(("unigram", "two-sided trigram")):
            report(label, places, {alone: compare(both[alone][number]) for alone in both}, "")
    right = {
        alone: compare(
            [
                restored(model, tokenizer, text, place, alone=alone)
                if isinstance(model, Encoder)
                else continued(model, text, place, alone=alone)
                for place in places
            ]
        )
        for alone in (True, False)
    }
    report(f"{config.preset}, seed {config.seed}", places, right, note)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("corpus", nargs="?", default="stories", help="a bundled corpus of text")
    parser.add_argument("--models", nargs="*", default=MODELS, help="presets")
    parser.add_argument("--seeds", default="0,1,2", help="separated by commas")
    parser.add_argument("--set", action="append", default=[], help="a setting, key=value")
    parser.add_argument("--quick", action="store_true", help="five steps each")
    options = parser.parse_args()
    keep_freed_memory()
    pairs = dict(pair.split("=", 1) for pair in options.set)
    settings = {name: parse_value(TrainConfig, name, text) for name, text in pairs.items()}
    if options.quick:
        settings |= {"steps": QUICK_STEPS, "eval_steps": QUICK_STEPS}
    corpus = next(corpus for corpus in bundled_corpora() if corpus.name == options.corpus)
    seeds = options.seeds.split(",")[: 1 if options.quick else None]
    print_machine()
    is_first = True
    with tempfile.TemporaryDirectory() as folder:
        home = Home(root=Path(folder), cache=Path(folder) / "cache")
        for seed in seeds:
            for preset in options.models:
                config = TrainConfig(**{**settings, "preset": preset, "seed": int(seed)})
                most = QUICK_PLACES if options.quick else MAX_PLACES
                measure(corpus, config, home, most, with_counts=is_first)
                is_first = False


if __name__ == "__main__":
    main()
