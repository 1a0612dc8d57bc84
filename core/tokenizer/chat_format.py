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
        ids: up to the role of the assistant, who speaks next.
        dropped: exchanges left out, the oldest ones.
    """

    ids: list[int]
    dropped: int


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
    """Return the tokens before the assistant's reply to the last message, which is the user's.

    Where they do not fit, the oldest exchanges are left out; the system's message and the last
    message stay.

    Args:
        context: longest input of the model, in tokens.
        reply_tokens: tokens of it to leave for the reply.
        allow_unknown: take words outside the vocabulary as <unk>.

    Raises:
        InputError: the last message is not the user's, or does not fit.
        UnknownWordError: words outside the vocabulary.
    """
    assert tokenizer.roles, "a tokenizer for conversations"
    if not messages or messages[-1].role != USER:
        raise InputError("The last message is not the user's.", "Only those are replied to.")
    encode = tokenizer.encode if allow_unknown else tokenizer.encode_prompt
    framed = [
        [getattr(tokenizer.roles, message.role), *encode(message.content), EOS]
        for message in messages
    ]
    first = int(messages[0].role == SYSTEM)
    begin, room = first, context - reply_tokens - 2  # <sos> and the role of the assistant
    length = sum(map(len, framed))
    while length > room and begin + 2 < len(framed):
        length -= len(framed[begin]) + len(framed[begin + 1])
        begin += 2
    if length > context - 2:
        raise InputError(
            f"The message has {length} tokens; the model reads at most {context - 2} at a time.",
            "Write a shorter one.",
        )
    kept = [*framed[:first], *framed[begin:]]
    ids = [SOS, *(id for message in kept for id in message), tokenizer.roles.assistant]
    return FittedChat(ids, (begin - first) // 2)
