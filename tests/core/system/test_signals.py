"""Stop signals, remembered until there is something to stop."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest

from core.system.signals import STOP_SIGNALS, StopSignals, stop_signals_blocked


@pytest.fixture(autouse=True)
def _default_handlers() -> Iterator[None]:
    """Handlers that tests may rely on, whatever runs the tests."""
    before = {number: signal.signal(number, signal.SIG_DFL) for number in STOP_SIGNALS}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def _send(number: signal.Signals) -> None:
    signal.raise_signal(number)  # to this thread: others do not block signals


def test_a_signal_before_there_is_something_to_stop_is_remembered() -> None:
    reasons: list[str] = []
    with StopSignals() as signals:
        assert signals.requested is None
        _send(signal.SIGTERM)
        assert signals.requested is signal.SIGTERM
        signals.on_stop(reasons.append)
        assert reasons == ["SIGTERM"]
        _send(signal.SIGINT)
    assert reasons == ["SIGTERM", "SIGTERM"], "the first signal is the reason"


def test_signals_are_popped_in_the_order_of_their_arrival() -> None:
    with StopSignals() as signals:
        assert signals.pop() is None
        _send(signal.SIGHUP)
        _send(signal.SIGINT)
        assert [signals.pop() for _ in range(3)] == [signal.SIGHUP, signal.SIGINT, None]


def test_handlers_are_restored_at_the_end() -> None:
    with StopSignals():
        pass
    assert {signal.getsignal(number) for number in STOP_SIGNALS} == {signal.SIG_DFL}


def test_with_once_the_first_signal_restores_the_handlers() -> None:
    """Detects a second Ctrl-C that cannot end a training that hangs."""
    received: list[signal.Signals] = []
    with StopSignals(received.append, once=True):
        _send(signal.SIGTERM)
        assert {signal.getsignal(number) for number in STOP_SIGNALS} == {signal.SIG_DFL}
    assert received == [signal.SIGTERM]


def test_a_signal_that_was_ignored_stays_ignored() -> None:
    """Detects a training under nohup that ends with its terminal."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with StopSignals() as signals:
        _send(signal.SIGHUP)
        assert signals.requested is None


def test_blocked_signals_arrive_once_they_are_unblocked() -> None:
    with StopSignals() as signals:
        with stop_signals_blocked():
            _send(signal.SIGTERM)
            assert signals.requested is None
        assert signals.requested is signal.SIGTERM
