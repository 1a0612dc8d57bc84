"""The tokens before what a request asks for: of a prompt, or of the messages of a conversation."""

from __future__ import annotations

from core.errors import InputError
from core.inference.load import LoadedModel, prompt_ids
from core.server.protocol import GenerateRequest, InsideRequest, ScoreAtRequest, StepRequest
from core.text.messages import USER, Message, parse_messages
from core.tokenizer.chat_format import FittedChat


def prompt_tokens(
    loaded: LoadedModel,
    request: GenerateRequest | StepRequest | ScoreAtRequest | InsideRequest,
    reply_tokens: int = 0,
) -> FittedChat:
    """Return the ids of a request's prompt or messages.

    Args:
        reply_tokens: tokens of the context to leave for the reply.

    Raises:
        InputError: prompt and messages are both given, or they cannot be read.
        UnknownWordError: words outside the vocabulary, unless they are allowed.
    """
    prompt, allow_unknown = request.prompt or "", request.allow_unknown
    if request.messages is None:
        if not loaded.is_chat:
            ids = prompt_ids(loaded.tokenizer, loaded.reading, prompt, allow_unknown=allow_unknown)
            return FittedChat(ids, 0)
        messages: tuple[Message, ...] = (Message(USER, prompt),)
    elif prompt:
        raise InputError("A request has a prompt or messages, not both.", "Pass one of the two.")
    else:
        messages = parse_messages("messages", request.messages)
    return loaded.encode_messages(messages, reply_tokens=reply_tokens, allow_unknown=allow_unknown)
