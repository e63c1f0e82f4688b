"""Ctrl-C while processes start."""

import os
import signal
import subprocess
import sys

import pytest

from neurocap_search.comparison.interrupts import interrupts_deferred

pytestmark = pytest.mark.usefixtures("interruptible")


def test_ctrl_c_waits_for_the_end_of_the_block():
    done = []

    def block():
        with interrupts_deferred():
            os.kill(os.getpid(), signal.SIGINT)
            done.append(True)

    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        block()
    assert done == [True]
    assert signal.getsignal(signal.SIGINT) is before
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, set())


def test_without_ctrl_c_nothing_happens():
    with interrupts_deferred():
        pass
    with pytest.raises(KeyboardInterrupt):  # and afterwards it works as ever
        signal.raise_signal(signal.SIGINT)


def test_a_process_that_is_started_within_never_sees_it():
    code = "import os, signal; os.kill(os.getpid(), signal.SIGINT); print('alive')"
    with interrupts_deferred():
        process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert process.communicate(timeout=60)[0] == "alive\n"
