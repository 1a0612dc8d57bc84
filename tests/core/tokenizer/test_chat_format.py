"""Conversations as tokens, and vocabularies with the roles."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import InputError
from core.text.messages import ASSISTANT, SYSTEM, USER, Message
from core.tokenizer.chat_format import encode_chat, frame_messages
from core.tokenizer.special_tokens import EOS, SOS
from core.tokenizer.tokenizer import Tokenizer
from core.tokenizer.unknown_words import UnknownWordError

TEXTS = ["hello you", "I am fine", "a <|end|> and <|user|> and <eos> in a text"]
KINDS = ("word", "char", "bpe")
CHATS = {kind: Tokenizer.train(kind, TEXTS * 3, 290).with_roles() for kind in KINDS}
EXCHANGE = [Message(USER, "hello you"), Message(ASSISTANT, "I am fine")]


@pytest.mark.parametrize("kind", KINDS)
def test_every_message_is_its_role_its_text_and_an_end(kind: str) -> None:
    tokenizer = CHATS[kind]
    messages = [Message(SYSTEM, "a text"), *EXCHANGE]
    contents = tokenizer.encode_batch([message.content for message in messages])
    chat = frame_messages(tokenizer.roles, messages, contents)  # type: ignore[arg-type]
    names = [tokenizer.token_text(id) for id in chat.ids]
    assert names[:2] == ["<sos>", "<|system|>"]
    assert [name for name in names if name.startswith("<|")] == [
        *("<|system|>", "<|end|>", "<|user|>", "<|end|>", "<|assistant|>", "<|end|>")
    ]
    reply = [id for id, is_reply in zip(chat.ids, chat.is_reply, strict=True) if is_reply]
    assert reply == [*tokenizer.encode("I am fine"), EOS]
    assert tokenizer.decode(reply) == "I am fine"


@pytest.mark.parametrize("kind", KINDS)
def test_names_of_special_tokens_in_a_text_are_text(kind: str, tmp_path: Path) -> None:
    tokenizer = CHATS[kind]
    ids = tokenizer.encode(TEXTS[2])
    assert not any(map(tokenizer.is_special, ids))
    assert tokenizer.decode(ids) == TEXTS[2]
    tokenizer.save(tmp_path, "conversations")
    loaded = Tokenizer.load(tmp_path)
    assert loaded.to_json() == tokenizer.to_json()
    assert loaded.roles == tokenizer.roles
    assert loaded.encode(TEXTS[2]) == ids


@pytest.mark.parametrize("kind", KINDS)
def test_roles_are_added_behind_a_vocabulary_that_stays_as_it_is(kind: str) -> None:
    plain = Tokenizer.train(kind, TEXTS * 3, 290)
    chat = plain.with_roles()
    assert plain.roles is None
    assert chat.vocab_size == plain.vocab_size + 3
    assert chat.unk_id == plain.unk_id
    assert chat.roles is not None
    assert (*chat.roles,) == tuple(range(plain.vocab_size, plain.vocab_size + 3))
    assert chat.with_roles() is chat
    for text in TEXTS:
        assert chat.encode(text) == plain.encode(text)
    assert chat.never_generated == (0, SOS, *chat.roles)
    assert chat.token_text(EOS) == "<|end|>"
    assert plain.token_text(EOS) == "<eos>"


def test_an_older_vocabulary_with_such_a_word_is_read_as_before() -> None:
    plain = Tokenizer.train("word", ["<|user|> says hello"])
    again = Tokenizer.from_json(plain.to_json().encode())
    assert again.roles is None
    assert again.decode(again.encode("<|user|> says")) == "<|user|> says"


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"<|user|>": 3}, "ids do not count"),
        ({"<|assistant|>": 5, "<unk>": 8}, "its last tokens are not the roles"),
    ],
)
def test_a_vocabulary_with_misplaced_roles_is_refused(change: dict[str, int], problem: str) -> None:
    value = json.loads(Tokenizer.train("word", ["a b"]).with_roles().to_json())
    value["model"]["vocab"] |= change
    with pytest.raises(ValueError, match=problem):
        Tokenizer.from_json(json.dumps(value).encode())


def test_the_oldest_exchanges_go_first_and_the_system_stays() -> None:
    tokenizer = CHATS["word"]
    system, ask = Message(SYSTEM, "a text"), Message(USER, "hello you")
    messages = [system, *EXCHANGE, *EXCHANGE, ask]
    whole = encode_chat(tokenizer, messages, 100)
    assert whole.dropped == 0
    assert whole.ids[-1] == tokenizer.roles.assistant  # type: ignore[union-attr]
    length = len(whole.ids)
    assert encode_chat(tokenizer, messages, length).dropped == 0
    for context, dropped, kept in (
        (length - 1, 1, [system, *EXCHANGE, ask]),
        (length - 10, 2, [system, ask]),
        (14, 2, [system, ask]),
    ):
        fitted = encode_chat(tokenizer, messages, context)
        assert fitted == (encode_chat(tokenizer, kept, 100).ids, dropped)
    assert encode_chat(tokenizer, messages, length, reply_tokens=1).dropped == 1
    assert encode_chat(tokenizer, [ask], 8, reply_tokens=99).dropped == 0, "the last one stays"


@given(st.integers(1, 6), st.integers(20, 80), st.integers(0, 20))
def test_what_fits_ends_with_the_last_message(turns: int, context: int, reply: int) -> None:
    tokenizer = CHATS["char"]
    messages = [*EXCHANGE * turns, Message(USER, "hello you")]
    fitted = encode_chat(tokenizer, messages, context, reply_tokens=reply)
    assert len(fitted.ids) <= context
    assert 0 <= fitted.dropped <= turns
    last = encode_chat(tokenizer, messages[-1:], context).ids
    assert fitted.ids[-len(last) + 1 :] == last[1:]
    if fitted.dropped:
        kept = messages[2 * (fitted.dropped - 1) :]
        assert len(encode_chat(tokenizer, kept, 10_000).ids) > context - reply, "one more fits"


def test_the_beginning_of_a_reply_is_continued() -> None:
    """Detects a reply that is ended, begun anew, or counted as an exchange."""
    tokenizer = CHATS["char"]
    asked = [*EXCHANGE, Message(USER, "hello you")]
    before = encode_chat(tokenizer, asked, 100)
    begun = tokenizer.encode("I am")
    whole = encode_chat(tokenizer, [*asked, Message(ASSISTANT, "I am")], 100)
    assert whole == (before.ids + begun, 0)
    context = len(whole.ids) - 1
    fitted = encode_chat(tokenizer, [*asked, Message(ASSISTANT, "I am")], context)
    assert fitted.dropped == 1
    assert len(fitted.ids) <= context
    assert fitted.ids[-len(begun) :] == begun


def test_a_message_that_cannot_be_replied_to_is_refused() -> None:
    tokenizer = CHATS["word"]
    for messages in ([], EXCHANGE[1:], [Message(SYSTEM, "a text")]):
        with pytest.raises(InputError, match="The last message is not the user's"):
            encode_chat(tokenizer, messages, 100)
    with pytest.raises(InputError, match="has 6 tokens; the model reads at most 4"):
        encode_chat(tokenizer, [Message(USER, "I am fine fine")], 6)
    with pytest.raises(InputError, match="The system text and the message have 9 tokens"):
        encode_chat(tokenizer, [Message(SYSTEM, "fine"), Message(USER, "I am fine fine")], 6)
    with pytest.raises(UnknownWordError, match="never"):
        encode_chat(tokenizer, [Message(USER, "never")], 100)
    allowed = encode_chat(tokenizer, [Message(USER, "never")], 100, allow_unknown=True)
    assert tokenizer.unk_id in allowed.ids
