"""The state of a chat, without widgets."""
