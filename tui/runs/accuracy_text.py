"""What the panels of the Test screen say, from a report. Pure."""

from __future__ import annotations

from pathlib import Path

from rich.cells import cell_len, set_cell_size
from textual.content import Content

from core.run.weights_ref import weights_label
from core.server.replies import AccuracyReply, OriginPlace, OriginReply, OriginSpan
from core.text.messages import CLASSIFY, TRANSLATE
from core.text.task_metrics import CHRF_HINT
from core.text.task_report import (
    FROM_HELDOUT,
    FROM_VALIDATION,
    JudgedItem,
    TaskReport,
)
from tui.common.format import exact_percent, percent
from tui.common.sanitize import clean, one_line
from tui.plot.bars import bar
from tui.runs.accuracy import (
    MIN_SURE,
    Calibration,
    Mistake,
    WrongAnswers,
    count_mistakes,
    input_text,
    judge_calibration,
    list_confusions,
)

SHARE_CELLS = len("100.0 %")
MAX_LABEL_CELLS, MIN_LABEL_CELLS = 14, 5
FOUND_CELLS = len("found") + 1
HEAT_LEVELS = 6
RIGHT_SIGN = "√"
BAND_CELLS = len("90 to 100 %")
COUNT_CELLS = len("items")
MAX_PLACES = 3
SIDE_BY_SIDE_WIDTH = 80
TABLE_HINT = f"{RIGHT_SIGN} right"
SOURCES = {
    FROM_HELDOUT: "held out, never trained on",
    FROM_VALIDATION: "of its text, never trained on",
}


def fitted(text: str, width: int) -> str:
    """A text on one line, cut to a number of cells and filled with blanks."""
    text = one_line(text)
    if cell_len(text) > width:
        text = set_cell_size(text, max(0, width - 1)) + "…"
    return set_cell_size(text, max(0, width))


def items_text(count: int) -> str:
    """A number of items."""
    return f"{count:,} item{'s' * (count != 1)}"


def source_text(report: TaskReport) -> str:
    """How many items there are, and where they are from."""
    where = SOURCES.get(report.source)
    if where is None:
        names = ", ".join(one_line(Path(name).name) for name in report.files[:2])
        more = len(report.files) - 2
        where = f"of {names}" + (f" and {more} more" if more > 0 else "")
    count = f"{report.items:,}"
    if report.available > report.items:
        count += f" of {report.available:,}"
    return f"{count} {where}"


def state_text(report: TaskReport, width: int) -> str:
    """The words for the first row of the screen.

    Args:
        width: of the screen; below 80 cells there are only the items.
    """
    if width < SIDE_BY_SIDE_WIDTH:
        return f"{items_text(report.items)} · {report.seconds:.1f} s"
    return f"{source_text(report)} · {report.seconds:.1f} s on {one_line(report.device)}"


def score_lines(reply: AccuracyReply, width: int, *, is_ascii: bool) -> Content:
    """The accuracy beside what is right by simple means, with its interval and the weights."""
    report = reply.report
    rows = [("this model", report.accuracy)]
    always, notes = "", []
    if report.by_most_frequent is not None and report.most_frequent is not None:
        answer = f"“{one_line(report.most_frequent)}”"
        always = f"always {answer}"
        if cell_len(always) > width * 2 // 5:
            always = "most frequent"
            notes.append(f"most frequent: {answer}")
        rows.append((always, report.by_most_frequent))
    if report.by_chance is not None:
        rows.append(("by chance", report.by_chance))
    name_cells = max(cell_len(name) for name, _ in rows)
    cells = max(4, width - name_cells - SHARE_CELLS - 2)
    lines = []
    for number, (name, share) in enumerate(rows):
        style = "$muted" if number else "bold $ink"
        lines.append(
            Content.assemble(
                (set_cell_size(name, name_cells) + " ", style),
                bar(share, cells, "$faint" if number else "$primary", is_ascii=is_ascii),
                (f"{exact_percent(share):>{SHARE_CELLS + 1}}", style),
            )
        )
    lines.append(Content.styled(_interval_words(report, width, is_ascii=is_ascii), "$muted"))
    if report.with_unknown_words:
        notes.append(f"{items_text(report.with_unknown_words)} with unknown words")
    notes.insert(0, f"{weights_label(reply.weights, None)} weights{_step_words(reply)}")
    lines.append(Content.styled(" · ".join(notes), "$muted"))
    return Content("\n").join(lines)


def _interval_words(report: TaskReport, width: int, *, is_ascii: bool) -> str:
    """Half the width of the 95 % interval, and its ends where there is room."""
    sign = "+/-" if is_ascii else "±"
    half = f"{sign} {50 * (report.high - report.low):.1f} points"
    ends = f"{exact_percent(report.low).removesuffix(' %')} to {exact_percent(report.high)}"
    items = items_text(report.items)
    words = f"{half} ({ends}) with {items}"
    return words if cell_len(words) <= width else f"{half} with {items}"


def _step_words(reply: AccuracyReply) -> str:
    """The step of the weights, unless their name is that."""
    if reply.step is None or reply.weights.isdecimal():
        return ""
    return f", step {reply.step:,}"


def progress_lines(done: int, total: int, right: int, width: int, *, is_ascii: bool) -> Content:
    """How far a test is."""
    share = done / total if total else 0.0
    counts = f"{done:,} of {items_text(total)}"
    return Content.assemble(
        bar(share, max(4, width), is_ascii=is_ascii),
        "\n",
        (counts, "bold $ink"),
        (f" · {right:,} right so far · Esc stops", "$muted"),
    )


# What it mixes up


def mixed_title(report: TaskReport | None) -> str:
    """The title of the panel on mistakes."""
    is_other = report is not None and report.task != CLASSIFY
    return "How it goes wrong" if is_other else "What it mixes up"


def mixed_lines(report: TaskReport, width: int, height: int) -> Content:
    """The confusion table; of replies that are no labels the kinds of mistakes.

    Args:
        height: rows there are; from twice the labels on, blank lines are put between them.
    """
    if report.task == CLASSIFY and report.labels:
        return _confusion_lines(report, width, height)
    return _mistake_lines(report, width)


def _confusion_lines(report: TaskReport, width: int, height: int) -> Content:
    labels = report.labels
    longest = max(cell_len(one_line(label)) for label in labels)
    name = max(len("true"), min(MAX_LABEL_CELLS, longest))
    is_roomy = height >= 2 * len(labels) + 6
    if is_roomy and _column_room(width, max(name, len("right when")), len(labels)) > longest:
        name = max(name, len("right when"))
    room = _column_room(width, name, len(labels))
    counts = max(len(f"{count:,}") for row in report.confusion for count in row)
    if room < max(MIN_LABEL_CELLS, counts + 2):
        return _confusion_pairs(report, width)
    column = min(room, max(counts + 3, MAX_LABEL_CELLS))
    heads = [fitted(label, column).strip().rjust(column) for label in labels]
    said = "it said".rjust(name + (column + 1) * len(labels) // 2 + 4)
    gap = "\n\n" if is_roomy else "\n"
    head = f"{'true':<{name}} {' '.join(heads)}{'found':>{FOUND_CELLS}}"
    lines = [Content.styled(f"{said}\n{head}" if is_roomy else head, "$muted")]
    for index, (label, row) in enumerate(zip(labels, report.confusion, strict=True)):
        total = sum(row)
        cells = [
            _confusion_cell(count, total, column, is_right=place == index)
            for place, count in enumerate(row)
        ]
        recall = report.label_accuracies[index].recall
        found = "" if recall is None else percent(recall)
        lines.append(
            Content.assemble(
                (fitted(label, name) + " ", "bold $ink"),
                Content(" ").join(cells),
                (f"{found:>{FOUND_CELLS}}", "$ink"),
            )
        )
    precisions = [
        "" if label.precision is None else percent(label.precision)
        for label in report.label_accuracies
    ]
    shares = " ".join(f"{share:>{column}}" for share in precisions)
    words, more = ("right when", "\nit says so") if is_roomy else ("right", "")
    words = fitted(words, name) + " "
    lines.append(Content.assemble((words, "$muted"), (shares, "$ink"), (more, "$muted")))
    return Content(gap).join(lines)


def _column_room(width: int, name: int, labels: int) -> int:
    """The cells that a panel leaves for each column of the confusion table."""
    return (width - name - FOUND_CELLS) // labels - 1


def _confusion_cell(count: int, total: int, width: int, *, is_right: bool) -> Content:
    """A count on a shade by its share of the row, with the sign of right answers."""
    share = count / total if total else 0.0
    level = min(HEAT_LEVELS - 1, int(share * HEAT_LEVELS)) if count else 0
    sign = RIGHT_SIGN if is_right else " "
    style = f"auto on $heat{level}" if level > 1 else f"$muted on $heat{level}"
    return Content.styled(f"{sign}{count:>{width - 2},} ", style)


def _confusion_pairs(report: TaskReport, width: int) -> Content:
    """The confusions by frequency, where the table is wider than the panel."""
    pairs = list_confusions(report)
    if not pairs:
        return Content.styled("Nothing is mixed up.", "$muted")
    count_cells = max(COUNT_CELLS, *(len(f"{count:,}") for *_, count in pairs))
    room = max(2 * MIN_LABEL_CELLS, width - count_cells - 2)
    left = room // 2 - 1
    lines = [
        Content.styled(
            f"{fitted('true', left)}  {fitted('it said', room - left - 2)}"
            f"{'items':>{count_cells + 2}}",
            "$muted",
        )
    ]
    for expected, said, count in pairs:
        lines.append(
            Content.assemble(
                (fitted(expected, left) + "  ", "bold $ink"),
                (fitted(said, room - left - 2), "$ink"),
                (f"{count:>{count_cells + 2},}", "$ink"),
            )
        )
    return Content("\n").join(lines)


def _mistake_lines(report: TaskReport, width: int) -> Content:
    wrong = report.items - report.right
    lines: list[Content] = []
    if report.task == TRANSLATE:
        if report.chrf is None:
            lines.append(Content.styled(CHRF_HINT, "$faint"))
        else:
            lines.append(Content.assemble(("chrF ", "$muted"), (f"{report.chrf:.1f}", "bold $ink")))
    if not wrong:
        return Content("\n").join([*lines, Content.styled("Every reply is right.", "$muted")])
    head = items_text(wrong) + " wrong"
    if len(report.wrong) < wrong:
        head += f"; the {len(report.wrong):,} surest are"
    lines.append(Content.styled(head, "$muted"))
    kinds = count_mistakes(report.wrong)
    cells = max((len(f"{count:,}") for _, count in kinds), default=1)
    lines += [
        Content.assemble((f"{count:>{cells},}  ", "bold $ink"), _mistake_words(kind))
        for kind, count in kinds
    ]
    return Content("\n").join(lines)


def _mistake_words(kind: Mistake) -> Content:
    return Content.styled(str(kind), "$ink")


# As sure as it should be?


def calibration_lines(report: TaskReport, width: int, *, is_ascii: bool) -> Content:
    """How often replies of some probability are right, and what that means."""
    cells = max(4, width - BAND_CELLS - COUNT_CELLS - len("100 %") - 3)
    head = f"{'it was sure':<{BAND_CELLS}} {'and right':<{cells + 6}} {'items':>{COUNT_CELLS}}"
    lines = [Content.styled(head, "$muted")]
    for row in report.calibration:
        words = f"below {100 * row.high:.0f} %"
        if row.low > 0:
            words = f"{100 * row.low:.0f} to {100 * row.high:.0f} %"
        share = row.right / row.items if row.items else 0.0
        shown = bar(share, cells, "$success", is_ascii=is_ascii)
        right = percent(share) if row.items else ""
        lines.append(
            Content.assemble(
                (f"{words:<{BAND_CELLS}} ", "$ink"),
                shown if row.items else Content(" " * cells),
                (f"{right:>6} ", "$ink"),
                (f"{row.items:>{COUNT_CELLS},}", "$ink"),
            )
        )
    lines.append(Content.styled(calibration_words(report), "$muted"))
    return Content("\n").join(lines)


def calibration_words(report: TaskReport) -> str:
    """What the calibration means, as a sentence."""
    kind, bound = judge_calibration(report.calibration)
    match kind:
        case Calibration.UNKNOWN:
            return "Too few items to tell."
        case Calibration.NEVER_SURE:
            return f"Never {100 * bound:.0f} % sure of a reply."
        case Calibration.RIGHT:
            return "As sure as it is right."
        case Calibration.PARTLY:
            return f"Trust it from {100 * bound:.0f} % on only."
        case Calibration.OVERCONFIDENT:
            return f"Too sure, even from {100 * bound:.0f} % on."


# Closer


def closer_lines(report: TaskReport, item: JudgedItem, nearest: Content) -> Content:
    """An item: what was asked, expected and said, how sure, and what training had like it.

    Args:
        nearest: lines of the training text, or why there are none.
    """
    parts: list[Content | str | tuple[str, str]] = [
        (f"“{one_line(input_text(item.messages))}”", "bold $ink")
    ]
    if item.label_probabilities:
        pairs = zip(report.labels, item.label_probabilities, strict=False)
        for label, share in sorted(pairs, key=lambda pair: -pair[1]):
            style = "bold $ink" if label == item.reply else "$ink"
            parts += [f"  {one_line(label)} ", (percent(share), style)]
        parts += ["\n", ("expected ", "$muted"), (one_line(item.expected), "$success")]
    else:
        parts += ["\n", ("expected  ", "$muted"), (one_line(item.expected), "$success")]
        parts += ["\n", ("it said   ", "$muted"), *_reply_parts(item)]
    # A label leaves room on its line; a sentence would wrap at the sign between them.
    sign = " · " if item.label_probabilities else "\n"
    place = f"{sign}{one_line(Path(item.file).name)} line {item.line:,}"
    earlier = item.messages[:-1]
    turns = f" · after {len(earlier):,} earlier message{'s' * (len(earlier) != 1)}"
    parts += [(place + turns * bool(earlier), "$faint"), "\n", nearest]
    for message in earlier:
        parts += [(f"\n{message.role}  ", "$muted"), one_line(message.content)]
    return Content.assemble(*parts)


def _reply_parts(item: JudgedItem) -> list[tuple[str, str]]:
    """The reply, from where it parts from the right one on underlined, and how sure it was."""
    if not item.is_fitting:
        return [("nothing: the input is longer than the context", "$error")]
    reply, expected = one_line(item.reply.strip()), one_line(item.expected.strip())
    pairs = enumerate(zip(reply, expected, strict=False))
    same = next((at for at, (one, other) in pairs if one != other), min(len(reply), len(expected)))
    sure = (f" {percent(item.probability)}", "bold $ink")
    if not reply:
        return [("nothing", "$error"), sure]
    return [(reply[:same], "$error"), (reply[same:], "underline $error"), sure]


def nearest_lines(reply: OriginReply, marks: tuple[str, str]) -> Content:
    """The longest parts of an input that are in the training text, each with its first place."""
    spans = sorted(reply.spans, key=lambda span: span.begin - span.end)
    places = [(span, place) for span in spans for place in span.places[:1]][:MAX_PLACES]
    if not places:
        return Content.styled("Nothing of it is in the training text.", "$muted")
    return Content("\n").join([_place_line(span, place, marks) for span, place in places])


def _place_line(span: OriginSpan, place: OriginPlace, marks: tuple[str, str]) -> Content:
    left, right = marks
    before, _, start = place.before.rpartition("\n")
    end, _, after = place.after.partition("\n")
    times = f"{span.count:,}{'+' * span.at_least} ×"
    answer, question = after.partition("\n")[0], before.rpartition("\n")[2]
    answer = f" → {one_line(answer)}" if answer else ""
    question = f"{one_line(question)} → " if question and not answer else ""
    return Content.assemble(
        (f"line {place.line:,}  ", "$muted"),
        question + one_line(start),
        (f"{left}{one_line(place.text)}{right}", "bold $ink"),
        one_line(end),
        (answer, "$ink"),
        (f"  {times}", "$faint"),
    )


def heading_words(answers: WrongAnswers, listed: int, wrong: int) -> str:
    """The title of the list of wrong answers.

    Args:
        listed: how many match.
        wrong: how many there are in all.
    """
    sure = f" it was {100 * MIN_SURE:.0f} % sure of" if answers.only_sure else ""
    if answers.query:
        query = one_line(answers.query)
        return f"Wrong answers{sure} with “{query}”: {listed:,} of {len(answers.items):,}"
    if answers.only_sure:
        return f"Wrong answers{sure}: {listed:,} of {len(answers.items):,}"
    more = f", {len(answers.items):,} of {wrong:,}" if len(answers.items) < wrong else ""
    return f"Wrong answers, the surest first{more}"


def copied_item(item: JudgedItem) -> str:
    """An item as text for the clipboard."""
    turns = [f"{message.role}: {message.content}" for message in item.messages]
    lines = [*turns, f"expected: {item.expected}", f"said: {item.reply.strip()}"]
    return clean("\n".join(lines))
