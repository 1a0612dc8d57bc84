"""The preview of a run: facts, and the samples that fit."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.content import Content

from core.paths import Home
from core.run.directory import Run
from core.run.history import SampleRow
from core.run.notes import RunNote, write_note
from tests.support.runs import PREPARED, START_TIME, ScriptedRun, make_run
from tui.runs.library import Library
from tui.runs.library_text import deletion_question, library_state, stop_question, unsaved_seconds
from tui.runs.preview import brief_facts, brief_sample, list_preview_facts, read_preview
from tui.runs.sample_text import fit_blocks, join_blocks, sample_blocks
from tui.runs.tiles import bits_per_byte
from tui.runs.verdict import has_small_validation

MODEL = {"layers": 6, "d_model": 384, "heads": 6, "vocab_size": 4096, "context": 256}


@pytest.fixture
def story(tmp_path: Path) -> ScriptedRun:
    made = ScriptedRun(tmp_path / "home", "tales")
    made.start(model=MODEL, tokenizer="bpe")
    made.save_snapshot(0, " the the")
    made.train(1, 60)
    made.emit("sample", 60, prompt="There", text=" was a man.", copied=0.03)
    made.emit("saved", 60, kind="checkpoint")
    return made


def facts_of(story: ScriptedRun, children: list[str] | None = None) -> dict[str, str]:
    found = Library(story.home)
    found.rows()
    found.measure_sizes()
    (row,) = found.rows()
    preview = read_preview(story.run)
    return dict(list_preview_facts(row, preview, children or [], story.time + 14))


def test_the_facts_say_what_the_run_is(story: ScriptedRun) -> None:
    write_note(story.run, RunNote("wider [b]than\x1b", ("exp", "big")))
    facts = facts_of(story, ["a", "b"])
    disk = facts.pop("disk")
    assert disk.startswith(tuple("123456789"))
    assert disk.endswith("kB · saved 14 s ago")
    assert facts == {
        "text": "poem · 1 kB · 100 k tokens",
        "model": "6 layers × 384, 6 heads · 809 k weights",
        "tokenizer": "BPE · 4,096 tokens · context 256",
        "children": "a, b",
        "copied": "3 % of its replies are in its text",
        "note": "wider [b]than␛",
        "tags": "exp big",
    }


def test_the_facts_of_a_task_say_how_many_replies_are_right(story: ScriptedRun) -> None:
    for step, val_loss, accuracy in ((40, 0.5, 0.91), (60, 0.4, 0.875)):
        story.emit("eval", step, val_loss=val_loss, task_accuracy=accuracy)
    assert facts_of(story)["replies"] == "87.5 % right, best accuracy 91.0 %"


def test_a_run_without_events_has_few_facts(tmp_path: Path) -> None:
    home = Home(root=tmp_path, cache=tmp_path / "cache")
    run = make_run(home, "empty")
    (row,) = Library(home).rows()
    preview = read_preview(run)
    assert [label for label, _ in list_preview_facts(row, preview, [], 0.0)] == ["text"]
    assert brief_sample(preview, "a note").plain == "a note"


def test_a_damaged_run_shows_its_problem(story: ScriptedRun) -> None:
    story.run.record.write_text("{]")
    facts = facts_of(story)
    assert "run.json" in facts["problem"]
    (row,) = Library(story.home).rows()
    assert "run.json" in brief_facts(row, read_preview(story.run), 0.0)


def test_the_preview_has_the_curve_without_reading_every_step(story: ScriptedRun) -> None:
    story.train(61, 4000)
    history = read_preview(story.run).history
    assert history.step == 4000
    assert 300 < len(history.train_loss) < 1500
    gaps = [
        b - a for a, b in zip(history.train_loss.steps, history.train_loss.steps[1:], strict=False)
    ]
    assert max(gaps) < 40, "the whole curve"


def test_the_brief_preview_fits_a_line(story: ScriptedRun) -> None:
    (row,) = Library(story.home).rows()
    preview = read_preview(story.run)
    text = brief_facts(row, preview, story.time + 14)
    assert text == "poem 1 kB · BPE 4,096 · 6 × 384, 809 k · saved 14 s ago"
    assert brief_sample(preview).plain == "“There was a man.”"


def test_a_reply_is_parted_from_its_prompt(tmp_path: Path) -> None:
    """Detects "is Anna.Hello": a reply does not continue the prompt, it has no blank before it."""
    story = ScriptedRun(tmp_path / "home", "talk")
    story.start(reading="conversations")
    story.emit("sample", 4, prompt="I am Anna.", text="Hello!")
    preview = read_preview(story.run)
    assert brief_sample(preview).plain == "“I am Anna. → Hello!”"
    ((line,),) = sample_blocks(preview.history.samples, 40)
    assert line.plain.strip() == "4  I am Anna. → Hello!"


@pytest.mark.parametrize("number", [10**400, True, "many"], ids=["huge", "bool", "text"])
def test_numbers_that_cannot_be_are_left_out(tmp_path: Path, number: object) -> None:
    """Detects an exception, or a number that is shown."""
    story = ScriptedRun(tmp_path / "home", "tales")
    counts = {"train_tokens": number, "val_tokens": number, "parameters": number}
    story.start(model=dict.fromkeys(MODEL, number), **counts)
    facts = facts_of(story)
    assert facts["text"] == "poem · 1 kB"
    assert "model" not in facts
    assert "context" not in facts.get("tokenizer", "")
    (row,) = Library(story.home).rows()
    preview = read_preview(story.run)
    assert "×" not in brief_facts(row, preview, story.time)
    assert bits_per_byte(preview.history, 1.0, 1000) is None
    assert not has_small_validation(preview.history)


SAMPLES = [SampleRow(step, "Py", f" text {step}") for step in (0, 1, 2, 4, 1024)]


def lines(blocks: list[Content]) -> list[str]:
    return [line.plain.rstrip() for line in blocks]


def test_a_filled_text_is_shown_without_its_prompt() -> None:
    sample = SampleRow(4, "the [] sat", "the [cat] sat", is_filled=True)
    (lines,) = sample_blocks([sample], 60)
    assert [line.plain.split() for line in lines] == [["4", "the", "[cat]", "sat"]]


def test_the_first_and_the_newest_sample_are_always_shown() -> None:
    """The untrained sample shows how far training has come."""
    blocks = sample_blocks(SAMPLES, 40)
    assert lines(fit_blocks(blocks, 3)) == [
        *("    0  Py text 0", "    2  Py text 2", "1,024  Py text 1024")
    ]
    assert lines(fit_blocks(blocks, 1)) == ["1,024  Py text 1024"]
    assert lines(fit_blocks(blocks, 5))[1] == "    1  Py text 1"
    assert lines(fit_blocks(blocks, 9))[1] == ""
    assert fit_blocks([], 4) == []
    assert fit_blocks(blocks, 0) == []


def test_long_samples_hang_beside_their_step() -> None:
    long = SampleRow(7, "Once", " upon a time there was a little fox named Pip who slept")
    assert lines(join_blocks(sample_blocks([long], 30), is_spaced=True)) == [
        *("    7  Once upon a time there", "       was a little fox named", "       Pip who slept")
    ]
    (compact,) = sample_blocks([long], 30, is_compact=True)
    assert lines(compact) == ["    7  upon a time there was …"]
    cut = fit_blocks(sample_blocks([SAMPLES[0], SampleRow(9, "", "word " * 90)], 30), 9)
    assert len(cut) == 5
    assert cut[-1].plain.endswith("…")


@pytest.mark.parametrize("width", [1, 8, 30, 200])
@pytest.mark.parametrize("is_compact", [True, False])
def test_lines_fit_the_width_in_cells(width: int, is_compact: bool) -> None:
    """Chinese characters are two cells wide; controls and markup are text."""
    hostile = [
        SampleRow(0, "提示", "我是一个学生" * 10),
        SampleRow(1, "[bold]", "[/] \x1b]0;x\x07\n\ttab 👩‍👩‍👧"),
        SampleRow(2, "", "x" * 1_000_000),
    ]
    blocks = sample_blocks(hostile, width, is_compact=is_compact)
    drawn = [line for block in blocks for line in block]
    assert all(line.cell_length <= max(width, 9) for line in drawn)
    assert not set("\x1b\x07\n\t") & set("".join(line.plain for line in drawn))


def test_the_first_row_counts_and_adds_up_the_models(story: ScriptedRun) -> None:
    make_run(story.home, "other")
    found = Library(story.home)
    assert library_state(found.rows()).plain == "● 1 training   2 models"
    found.measure_sizes()
    assert " 2 models · " in library_state(found.rows()).plain
    assert library_state(found.rows(), has_size=False).plain == "● 1 training   2 models"
    assert library_state([]).plain == "0 models"


def test_deleting_names_what_goes(story: ScriptedRun) -> None:
    for step in (0, 60):
        story.run.snapshot_weights(step).parent.mkdir(parents=True)
        story.run.snapshot_weights(step).write_bytes(b"x")
    story.run.chat.write_text("{}\n")
    found = Library(story.home)
    found.rows()
    found.measure_sizes()
    (row,) = found.rows()
    question = deletion_question(row, story.run, ["tales-chat"])
    assert "its weights, 2 snapshots and its chats (" in question
    assert "60 steps of training" in question
    assert "Trained from it, and kept: tales-chat." in question
    many = deletion_question(row, story.run, [str(number) for number in range(9)])
    assert "and 3 more." in many
    bare = deletion_question(row, Run(story.home.runs / "gone"), [])
    assert "This deletes its weights (" in bare


def test_stopping_asks_only_where_more_than_a_minute_could_be_lost(story: ScriptedRun) -> None:
    history = read_preview(story.run).history
    saved = story.time
    assert stop_question("tales", history, saved + 59) is None
    question = stop_question("tales", history, saved + 125)
    assert question is not None
    assert "last saved 2:05 ago" in question
    story.emit("changed", 60, action="pause")
    paused = read_preview(story.run).history
    assert unsaved_seconds(paused, saved + 5000) == pytest.approx(1.0), "a pause loses nothing"


def test_before_the_first_checkpoint_all_since_the_start_could_be_lost(tmp_path: Path) -> None:
    made = ScriptedRun(tmp_path / "home")
    assert unsaved_seconds(read_preview(made.run).history, START_TIME) is None
    made.start(**PREPARED)
    history = read_preview(made.run).history
    assert unsaved_seconds(history, START_TIME + 101) == pytest.approx(100.0)
