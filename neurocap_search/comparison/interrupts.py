"""Ctrl-C while processes are being started."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def interrupts_deferred() -> Iterator[None]:
    """Put Ctrl-C off until the block has ended; processes that are started in it never see it.

    A process that is interrupted while it starts, or a parent that is while it starts one, leaves a pool of
    processes that can neither be used nor ended.

    When not to use it: around anything that takes long.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread is interrupted
        return
    seen: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        seen.append(number)

    before = signal.signal(signal.SIGINT, note)
    # What a thread blocks is passed on to the processes that it starts; Windows has no such thing.
    can_block = hasattr(signal, "pthread_sigmask")
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT}) if can_block else set()
    try:
        yield
    finally:
        if can_block:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        signal.signal(signal.SIGINT, before)
    if seen:
        raise KeyboardInterrupt
