"""The kinds of sentences, each as often as it is to be used."""

from __future__ import annotations

from collections.abc import Callable

from data.generators.actions import (
    act,
    act_often,
    act_sometime,
    act_somewhere,
    ask_about,
    ask_what,
    ask_whether,
    ask_who,
    can_you,
    command,
    did,
    did_something,
    do,
    give_to,
    go,
    not_act,
    not_do,
    object_pronoun,
    two_act,
    want_to,
    will,
)
from data.generators.daily_life import (
    clock_time,
    cost,
    date,
    feel,
    hurt,
    like,
    like_better,
    live_in,
    speak,
    weather,
    would_like,
)
from data.generators.descriptions import (
    be_aged,
    be_named,
    be_something,
    be_somewhere,
    be_two_things,
    belong,
    compare,
    have,
    have_not,
    how_many,
    owned_thing_is,
    there_is,
    where,
    work_as,
)
from data.generators.phrases import Translation
from data.generators.word_chooser import WordChooser

# Kinds with more variety come more often.
SENTENCE_KINDS: tuple[Callable[[WordChooser], Translation], ...] = (
    *(act, act_somewhere, act_somewhere, act_sometime, act_often, not_act, two_act),
    *(do, do, do, do, do, not_do, not_do, did, did_something, did_something, did_something),
    *(be_something, be_something, be_something, be_two_things, compare, compare),
    *(be_somewhere, be_somewhere, there_is, there_is, where, where),
    *(ask_whether, ask_whether, ask_about, ask_what, ask_who, can_you, how_many),
    *(want_to, want_to, will, will, go, command, command, would_like, like, like_better),
    *(have, have, have_not, feel, hurt, give_to, belong, belong, owned_thing_is, work_as),
    *(
        be_named,
        be_named,
        be_aged,
        cost,
        cost,
        clock_time,
        weather,
        date,
        date,
        live_in,
        speak,
        object_pronoun,
    ),
)
