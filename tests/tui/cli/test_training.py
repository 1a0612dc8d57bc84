"""Signals while training in the foreground."""

from __future__ import annotations

import signal

import pytest

from tui.cli.training import stopping_on_signals


def test_a_signal_before_there_is_something_to_stop_is_remembered() -> None:
    """Raised while torch is imported, it vanished in somebody's `except`."""
    heard: list[str] = []
    with stopping_on_signals() as on_stop:
        signal.raise_signal(signal.SIGTERM)
        assert heard == []
        on_stop(heard.append)
    assert heard == ["SIGTERM"]


def test_the_second_signal_ends_at_once_and_the_handlers_come_back() -> None:
    before = signal.getsignal(signal.SIGINT)
    heard: list[str] = []
    with stopping_on_signals() as on_stop:
        on_stop(heard.append)
        signal.raise_signal(signal.SIGINT)
        assert heard == ["SIGINT"]
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before


def test_what_is_ignored_from_the_start_stays_ignored() -> None:
    """`nohup minigpt-tui train … --foreground` stopped at logout all the same."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    heard: list[str] = []
    try:
        with stopping_on_signals() as on_stop:
            on_stop(heard.append)
            signal.raise_signal(signal.SIGHUP)
            assert heard == []
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)
