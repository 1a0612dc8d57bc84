"""Conversations as tokens: `<sos> <|user|> … <|end|> <|assistant|> … <|end|>`.

Each message is its role, its text and `<|end|>`, one id each for role and end. A message of the
system comes first where there is one. Every text is tokenised by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from core.errors import InputError
from core.text.messages import ASSISTANT, SYSTEM, USER, Message
from core.tokenizer.special_tokens import EOS, SOS, RoleIds
from core.tokenizer.tokenizer import Tokenizer


class ChatTokens(NamedTuple):
    """The tokens of a conversation.

    Attributes:
        ids: with <sos>, roles and ends.
        is_reply: for each id 1 if the assistant wrote it, its `<|end|>` included, else 0.
    """

    ids: list[int]
    is_reply: list[int]


class FittedChat(NamedTuple):
    """The tokens before a reply, as many as fit.

    Attributes:
        ids: up to the role of the assistant, who speaks next, or to the end of what it has said.
        dropped: exchanges left out, the oldest ones.
    """

    ids: list[int]
    dropped: int


def reply_room(context: int) -> int:
    """Return how many tokens of a context are left for a reply: a sixth."""
    return context // 6


def frame_messages(
    roles: RoleIds, messages: Sequence[Message], contents: Sequence[list[int]]
) -> ChatTokens:
    """Return the tokens of a conversation.

    Args:
        contents: the ids of each message's text.
    """
    ids, is_reply = [SOS], [0]
    for message, content in zip(messages, contents, strict=True):
        ids += [getattr(roles, message.role), *content, EOS]
        by_assistant = int(message.role == ASSISTANT)
        is_reply += [0, *[by_assistant] * (len(content) + 1)]
    return ChatTokens(ids, is_reply)


def encode_chat(
    tokenizer: Tokenizer,
    messages: Sequence[Message],
    context: int,
    *,
    reply_tokens: int = 0,
    allow_unknown: bool = False,
) -> FittedChat:
    """Return the tokens before the assistant's reply to the user's last message.

    Where they do not fit, the oldest exchanges are left out; the system's message and the last
    message stay. Where the last message is the assistant's, it is the beginning of its reply.

    Args:
        context: longest input of the model, in tokens.
        reply_tokens: tokens of it to leave for the reply.
        allow_unknown: take words outside the vocabulary as <unk>.

    Raises:
        InputError: there is no message of the user to reply to, or it does not fit.
        UnknownWordError: words outside the vocabulary.
    """
    assert tokenizer.roles, "a tokenizer for conversations"
    encode = tokenizer.encode if allow_unknown else tokenizer.encode_prompt
    begun: list[int] = []
    if messages and messages[-1].role == ASSISTANT:
        begun, messages = encode(messages[-1].content), messages[:-1]
    if not messages or messages[-1].role != USER:
        raise InputError("The last message is not the user's.", "Only those are replied to.")
    framed = [
        [getattr(tokenizer.roles, message.role), *encode(message.content), EOS]
        for message in messages
    ]
    has_system = messages[0].role == SYSTEM
    room = max(reply_tokens, len(begun))
    fitted = fit_messages(tokenizer.roles, framed, context, room, has_system=has_system)
    if len(fitted.ids) > context:
        what = "system text and the message have" if has_system else "message has"
        length = len(fitted.ids) - 2
        raise InputError(
            f"The {what} {length} tokens; the model reads at most {context - 2} at a time.",
            "Write a shorter one.",
        )
    return FittedChat([*fitted.ids, *begun], fitted.dropped)


def fit_messages(
    roles: RoleIds,
    framed: Sequence[list[int]],
    context: int,
    reply_tokens: int,
    *,
    has_system: bool,
) -> FittedChat:
    """Return the tokens before a reply to messages, without the oldest exchanges if need be.

    They are still too long if the system's and the last message do not fit.

    Args:
        framed: the ids of each message with its role and its end; the last is the user's.
        context, reply_tokens: as in `encode_chat`.
    """
    first = int(has_system)
    begin, room = first, context - reply_tokens - 2  # <sos> and the role of the assistant
    length = sum(map(len, framed))
    while length > room and begin + 2 < len(framed):
        length -= len(framed[begin]) + len(framed[begin + 1])
        begin += 2
    kept = [*framed[:first], *framed[begin:]]
    ids = [SOS, *(id for message in kept for id in message), roles.assistant]
    return FittedChat(ids, (begin - first) // 2)
