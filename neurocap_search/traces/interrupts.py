"""Ctrl-C while results are being collected."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def interrupts_noted() -> Iterator[Callable[[], None]]:
    """Take Ctrl-C at the places that ask for it, so that none is lost.

    Python raises KeyboardInterrupt wherever the main thread happens to be. If that is a callback that Ray
    calls from compiled code as it hands over a result, the exception is printed or dropped there, and the
    program goes on. A second Ctrl-C is raised at once: something may hang.

    When not to use it: around work that asks seldom.

    Yields:
        To be called between two steps; raises KeyboardInterrupt if Ctrl-C was pressed.

    Example:
        >>> try:
        ...     with interrupts_noted() as check:
        ...         signal.raise_signal(signal.SIGINT)
        ...         print("this step is finished")
        ...         check()
        ... except KeyboardInterrupt:
        ...     print("and no other begun")
        this step is finished
        and no other begun
    """
    pressed: list[int] = []

    def check() -> None:
        if pressed:
            raise KeyboardInterrupt

    def note(number: int, frame: FrameType | None) -> None:
        pressed.append(number)
        if len(pressed) > 1:
            raise KeyboardInterrupt

    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(before):
        yield check  # only the main thread is interrupted, and who ignores Ctrl-C goes on ignoring it
        return
    signal.signal(signal.SIGINT, note)
    try:
        yield check
    finally:
        signal.signal(signal.SIGINT, before)
