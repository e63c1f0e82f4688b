"""Ctrl-C is neither lost nor late."""

import signal
import threading

import pytest

from neurocap_search.traces.interrupts import interrupts_noted


def press() -> None:
    signal.raise_signal(signal.SIGINT)


class Swallowing:
    """Drops what is raised in it, as Python does in finalisers and in callbacks of compiled code."""

    def __del__(self) -> None:
        press()


def swallow_one() -> None:
    with interrupts_noted() as check:
        Swallowing()
        check()


def press_twice() -> None:
    with interrupts_noted():
        press()
        press()
        pytest.fail("the second went unheard")


def test_one_that_comes_where_exceptions_are_dropped_is_not_lost() -> None:
    with pytest.raises(KeyboardInterrupt):
        swallow_one()


def test_without_one_nothing_happens() -> None:
    before = signal.getsignal(signal.SIGINT)
    with interrupts_noted() as check:
        check()
        assert signal.getsignal(signal.SIGINT) is not before
    assert signal.getsignal(signal.SIGINT) is before


def test_the_second_is_raised_at_once() -> None:
    with pytest.raises(KeyboardInterrupt):
        press_twice()


def test_another_thread_leaves_the_handler_alone() -> None:
    seen = []

    def run() -> None:
        with interrupts_noted() as check:
            check()
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert seen == [signal.getsignal(signal.SIGINT)]


def test_who_ignores_ctrl_c_goes_on_ignoring_it() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with interrupts_noted() as check:
            press()
            check()
    finally:
        signal.signal(signal.SIGINT, before)
