from __future__ import annotations

import os
import signal
import threading
import time

import pytest

from nbjax.cli.interruption import INTERRUPTED, interruptible, leave
from nbjax.errors import FileError


def test_results_and_errors_of_the_work_come_back() -> None:
    assert interruptible(lambda: 3) == 3

    def fails() -> None:
        raise FileError("is empty")

    with pytest.raises(FileError, match="is empty"):
        interruptible(fails)


def test_an_interruption_does_not_wait_for_what_is_being_computed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    done, codes = threading.Event(), []
    monkeypatch.setattr(os, "_exit", codes.append)
    # whoever started the tests may have this signal ignored
    before_tests = signal.signal(signal.SIGINT, signal.default_int_handler)

    def work() -> None:
        os.kill(os.getpid(), signal.SIGINT)
        done.wait(20)

    before = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        interruptible(work)
    assert leave("interrupted; nothing is left") == INTERRUPTED == 130
    assert time.monotonic() - before < 2
    assert codes == [INTERRUPTED]
    assert capsys.readouterr().err == "nbjax: interrupted; nothing is left\n"
    done.set()
    time.sleep(0.05)
    assert leave("again") == INTERRUPTED
    assert codes == [INTERRUPTED]
    signal.signal(signal.SIGINT, before_tests)
