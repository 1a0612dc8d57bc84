"""Frames of sentences with a verdict: plain, negated, compared, contrasted."""

from __future__ import annotations

NEGATIVE, NEUTRAL, POSITIVE = LABELS = ("negative", "neutral", "positive")
FAMILIES = ("A", "B", "C")

Frame = tuple[str, str, str]

# A frame is its family, what it needs, and a template. [x] is what is judged, [good] [good2] are
# adjectives that agree with the label, [bad] [bad2] their opposites; [liked] and [pleased]
# likewise. Plain frames have no family, nor have those without adjectives; the others have one of
# three, by the words that turn or bear the verdict. Needs: "mild" (no strong adjectives), "more"
# (adjectives compared with "more"), "one" (a countable singular), "thing" (no person), "liked" and
# "moving" (see `Topic`).
PLAIN = (
    ("", "", "[X] [was] [degree] [good]."),
    ("", "", "[X] [was] [degree] [good]."),
    ("", "", "[X] [was] [degree] [good] and [degree] [good2]."),
    ("", "", "{I|We} {found|thought} [x] [degree] [good]."),
    ("", "", "{Everyone|My [relative]} {said|thought} that [x] [was] [degree] [good]."),
    ("", "", "What [a_good_n]!"),
    ("", "", "[It] [was] [a_good_n]."),
    ("", "", "[X] [was] [good], {I|we} must say."),
    ("", "", "I remember how [good] [x] [were]."),
)
NEGATED = (
    ("B", "", "[X] [was] {anything but|far from|by no means} [bad]."),
    ("C", "", "Nothing about [x] was [bad]."),
    ("C", "", "There was nothing [bad] about [x]."),
    ("C", "", "Nobody {found|called|thought} [x] [bad]."),
    ("C", "", "Nobody could {say|claim} that [x] [was] [bad]."),
    ("B", "", "[X] [was] neither [bad] nor [bad2]."),
    ("B", "", "{It is not true|It is wrong to say} that [x] [was] [bad]."),
    ("C", "", "How can anyone call [x] [bad]?"),
    ("A", "mild", "[X] [was] {not|never} [bad]."),
    ("A", "mild", "[X] [was] {not|never} [bad]."),
    ("A", "mild", "[X] [was] not [bad] at all."),
    ("A", "mild", "[X] [was] not at all [bad]."),
    ("A", "mild", "[X] [wasnt] [bad]{| at all}."),
    ("A", "mild", "{I|We} did not find [x] [bad]{| at all}."),
    ("A", "mild", "{I|We} {do not|don't} think [x] [was] [bad]{| at all}."),
    ("B", "mild", "[X] [was] less [bad] than {I|we} had [hoped_feared]."),
    ("A", "mild", "[X] [was] not nearly as [bad] as {I|we} had [hoped_feared]."),
)
# Only with a negative verdict: "hardly boring" is faint praise at most.
NEGATED_PRAISE = (
    ("B", "", "[X] [was] {hardly|not exactly} [bad]."),
    ("A", "", "{I|We} cannot say that [x] [was] [bad]."),
    ("A", "mild", "[X] [was] not [bad] enough for {me|us}."),
    ("C", "more", "[X] {should|could} have been more [bad]."),
)
AGREEING = (
    ("A", "", "[X] [was] not only [good] but also [good2]."),
    ("A", "", "[X] [was] not just [good] but really [good2]."),
    ("B", "mild", "[X] [was] {just |}as [good] as {I|we} had [feared_hoped]."),
    ("C", "more one", "{I|We} have never [met] a more [good] [n]."),
    ("A", "more", "[X] could not have been more [good]."),
    ("C", "more", "Nothing could be more [good] than [x]."),
)
CONTRASTED = (
    ("A", "", "[X] [was] not [bad] but [good]."),
    ("A", "", "[X] [was] [good], not [bad]."),
    ("B", "", "[X] [was] [good] rather than [bad]."),
    ("C", "", "I expected [a_bad_n], but [x] [was] [good]."),
    ("A", "", "I thought [x] would be [bad], but [it] [wasnt]."),
    ("B", "", "[X] looked [bad] at first, but [it] turned out to be [good]."),
    ("B", "", "[X] may look [bad], but [it] [is] [good]."),
    ("C", "", "[X] used to be [bad], but now [it] [is] [good]."),
    ("C", "", "Some people call [x] [bad], but {I|we} found [them] [good]."),
    ("C", "", "My [relative] found [x] [bad]. I found [them] [good]."),
    ("A", "", "Everyone told me [x] would be [bad]. [It] [wasnt]."),
    ("B", "", "Instead of [a_bad_n] {I|we} got [a_good_n]."),
)
VERBS_PLAIN = (
    ("", "liked", "{I|We} {really |}[liked] [x]."),
    ("", "liked", "{Everyone|My [relative]} [liked] [x]."),
    ("", "liked", "{I|We} [liked] [x] from the beginning."),
    ("", "liked moving", "[X] [pleased] {me|us}."),
    ("", "liked moving", "[X] really [pleased] {me|us}."),
    ("", "liked moving", "{I was|We were} {really |}[pleased] by [x]."),
    ("", "liked moving", "[X] left {me|us} [pleased]."),
    ("", "one thing", "[X] [was] [a_praise]."),
    ("", "thing", "[X]: what [a_praise]!"),
)
VERBS_NEGATED = (
    ("", "liked", "How could anyone [dislike] [x]?"),
    ("", "liked", "I cannot imagine why anyone would [dislike] [x]."),
    ("", "liked", "I expected to [dislike] [x], but I [liked] [them]."),
    ("", "liked", "I was sure that I would [dislike] [x], but I did not."),
    ("", "liked", "My [relative] [disliked] [x], but I [liked] [them]."),
    ("", "liked moving", "[X] never [displeased] {me|us}."),
    ("", "liked moving", "Nothing about [x] [displeased] {me|us}."),
    ("", "liked moving", "{I was not|We were not} [displeased] by [x]{| at all}."),
    ("", "liked moving", "Far from being [displeased], {I|we} left [pleased] by [x]."),
    ("", "one thing", "[X] [was] {anything but|far from} [a_blame]."),
    ("", "thing", "Nobody could call [x] [a_blame]."),
)
# Only with a negative verdict, or only with a positive one.
VERBS_NEGATED_PRAISE = (
    ("", "liked", "{I|We} did not [dislike] [x]{| at all}."),
    ("", "liked", "{I|We} never [disliked] [x]."),
    ("", "liked", "Nobody [disliked] [x]."),
    ("", "one thing", "[X] [was] {hardly|not exactly} [a_blame]."),
)
VERBS_NEGATED_BLAME: tuple[Frame, ...] = (("", "liked", "Nobody could [dislike] [x]."),)
# Everyday sentences with a verdict of their own.
VERDICTS = {
    POSITIVE: (
        ("", "", "[X] [was] not bad{| at all}."),
        ("", "", "[X] could not {be|have been} better."),
        ("", "one", "It was the best [n] {I have|I've} ever [met]."),
        ("", "one", "{I|We} have never [met] a better [n]."),
        ("", "", "[X] [was] {|much }better than {I|we} expected."),
        ("", "", "There was nothing wrong with [x]."),
        ("", "", "I could not find anything wrong with [x]."),
        ("", "", "I cannot complain about [x]."),
        ("", "", "Nobody complained about [x]."),
        ("", "thing", "[X] [was] worth every penny."),
        ("", "", "{I was|We were} {|really |very }impressed by [x]."),
        ("", "", "I cannot recommend [x] enough."),
        ("", "", "I would recommend [x] to {anyone|everyone}."),
        ("", "", "{I am|We are} {very |really |}{happy|satisfied} with [x]."),
        ("", "liked", "I {really |}{love|like|enjoy} [x]."),
        ("", "liked", "I {love|loved|liked} [x]{| very much| a lot}."),
        ("", "liked", "[It] [was] [a_good_n], and I {love|loved|liked} [them]."),
    ),
    NEGATIVE: (
        ("", "", "[X] [was] not good{| at all}."),
        ("", "", "[X] could not {be|have been} worse."),
        ("", "one", "It was the worst [n] {I have|I've} ever [met]."),
        ("", "one", "{I|We} have never [met] a worse [n]."),
        ("", "", "[X] [was] {|much }worse than {I|we} expected."),
        ("", "", "There was something wrong with [x]."),
        ("", "", "I could not find anything good about [x]."),
        ("", "", "I have to complain about [x]."),
        ("", "", "Everyone complained about [x]."),
        ("", "thing", "[X] [was] not worth the money."),
        ("", "", "{I was|We were} {|really |very }disappointed by [x]."),
        ("", "", "I cannot recommend [x]."),
        ("", "", "I would not recommend [x] to anyone."),
        ("", "", "{I am|We are} {not happy|unhappy|not satisfied} with [x]."),
        ("", "liked", "I {hate|do not like|don't like} [x]."),
        ("", "liked", "I {hated|did not like|didn't like} [x]{| at all}."),
        ("", "liked", "[It] [was] [a_good_n], and I {hate|hated|did not like} [them]."),
    ),
}
REMARKS = {
    POSITIVE: (
        "I would do it again.",
        "We will certainly come back.",
        "I cannot wait to come back.",
        "I could not ask for more.",
        "I would not change a thing.",
        "You will not regret it.",
        "It was worth every penny.",
        "I could not stop smiling.",
        "Five stars from me.",
        "Do not miss it.",
        "I loved it.",
        "I loved every minute of it.",
        "It was great.",
        "I liked it a lot.",
        "It made my day.",
        "Thank you for everything.",
        "It was not bad at all.",
        "Nothing was missing.",
        "I have no complaints.",
        "It could not have been better.",
        "I am happy.",
        "It was wonderful.",
    ),
    NEGATIVE: (
        "I want my money back.",
        "Never again.",
        "I would not do it again.",
        "We will not come back.",
        "Do not waste your money.",
        "We could not wait to leave.",
        "Stay away from it.",
        "I would not recommend it to anyone.",
        "Save your money.",
        "It was not worth the money.",
        "One star is too much.",
        "I hated it.",
        "I hated every minute of it.",
        "It was terrible.",
        "I did not like it.",
        "It ruined my day.",
        "I will ask for a refund.",
        "It was not good at all.",
        "Everything was missing.",
        "I have many complaints.",
        "It could not have been worse.",
        "I am not happy.",
        "It was awful.",
    ),
}
# Two opposite clauses; the last one prevails. With weights.
CONTRASTS = {
    "[First], but [last].": 5,
    "Although [first], [last].": 2,
    "Even though [first], [last].": 1,
    "[Last], although [first].": 2,
    "[Last], even though [first].": 1,
    "[First]. {Still|Even so}, [last].": 2,
    "[First]. However, [last].": 1,
}


# Plain statements: adjectives more often than verbs, of which there are fewer.
STATED: tuple[Frame, ...] = PLAIN * 2 + VERBS_PLAIN


def list_turned(label: str) -> tuple[Frame, ...]:
    """Return the frames that are more than a plain statement."""
    only: tuple[Frame, ...] = VERBS_NEGATED_BLAME
    if label == NEGATIVE:
        only = (*NEGATED_PRAISE, *VERBS_NEGATED_PRAISE)
    return (*NEGATED, *AGREEING, *CONTRASTED, *VERBS_NEGATED, *only)


def list_clauses(label: str) -> tuple[Frame, ...]:
    """Return the frames of a clause in a longer sentence, mostly plain."""
    return STATED * 4 + list_turned(label)


def list_reserving(label: str) -> tuple[Frame, ...]:
    """Return the frames that belong to a family."""
    return tuple(frame for frame in list_turned(label) if frame[0])
