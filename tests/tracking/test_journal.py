"""The journal: every event is in the file at once, whole or not at all, whatever becomes of the process."""

import copy
import json
import math
import pickle
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from neurocap_search.tracking import Journal
from neurocap_search.tracking.events import JOURNAL_VERSION

HEAD = {"event": "search", "version": JOURNAL_VERSION}


def lines(path: Path) -> list[str]:
    return path.read_text().splitlines()


def open_files(path: Path) -> int:
    links = [link for link in Path("/proc/self/fd").iterdir() if link.is_symlink()]
    return sum(link.readlink() == path for link in links)


def test_every_event_is_in_the_file_at_once(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j.jsonl")
    for number in range(3):
        journal.append({**HEAD, "number": number})
        assert [json.loads(line)["number"] for line in lines(journal.path)] == list(range(number + 1))
    assert list(journal.read())[-1]["number"] == 2


def test_a_killed_process_loses_no_event(tmp_path: Path) -> None:
    program = (
        "import os, signal, sys; from pathlib import Path; from neurocap_search.tracking import Journal\n"
        "journal = Journal(Path(sys.argv[1]))\n"
        "for number in range(50): journal.append({'event': 'x', 'number': number})\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    path = tmp_path / "j.jsonl"
    killed = subprocess.run([sys.executable, "-c", program, str(path)], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert [json.loads(line)["number"] for line in lines(path)] == list(range(50))


@pytest.mark.parametrize("whole", [0, 1])
def test_an_event_for_which_there_is_no_room_leaves_nothing_behind(tmp_path: Path, whole: int) -> None:
    journal = Journal(tmp_path / "j.jsonl")
    for _ in range(whole):
        journal.append(HEAD)
    kept = lines(journal.path) if whole else []
    before, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, most))  # a full disk, for this process
    try:
        with pytest.raises(OSError, match="no room for an event"):
            journal.append({"event": "x", "text": "y" * 200})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (before, most))
    assert lines(journal.path) == kept
    journal.append(HEAD)
    assert lines(journal.path) == [*kept, json.dumps(HEAD)]


def test_two_writers_and_a_mended_line_do_not_disturb_each_other(tmp_path: Path) -> None:
    first, second = Journal(tmp_path / "j.jsonl"), Journal(tmp_path / "j.jsonl")
    for number, journal in enumerate((first, second, first)):
        journal.append({**HEAD, "number": number})
    with first.path.open("a") as file:
        file.write('{"event": "cut sh')
    first.mend()
    first.append({**HEAD, "number": 3})
    assert [event["number"] for event in second.read()] == [0, 1, 2, 3]


@pytest.mark.parametrize("duplicate", [copy.deepcopy, copy.copy, lambda j: pickle.loads(pickle.dumps(j))])
def test_copies_write_into_the_same_file(tmp_path: Path, duplicate) -> None:
    journal = Journal(tmp_path / "j.jsonl")
    journal.append({"event": "a"})
    twin = duplicate(journal)
    twin.append({"event": "b"})
    del twin
    journal.append({"event": "c"})
    assert [json.loads(line)["event"] for line in lines(journal.path)] == ["a", "b", "c"]


def test_the_file_is_closed_on_demand_and_when_nobody_needs_it_any_more(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j.jsonl")
    for _ in range(2):
        journal.append(HEAD)
        assert open_files(journal.path) == 1
        journal.close()
        assert open_files(journal.path) == 0
    journal.append(HEAD)
    path = journal.path
    del journal
    assert open_files(path) == 0
    assert len(lines(path)) == 3


def test_numbers_that_are_not_finite_are_null_and_keys_are_text(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j.jsonl")
    journal.append({"event": "x", "a": math.nan, "b": [math.inf, 1.5], "c": {"d": (-math.inf,)}})
    journal.append({"event": "x", "a": {(1, 2): 3.0, 4: 5}})
    assert [json.loads(line) for line in lines(journal.path)] == [
        {"event": "x", "a": None, "b": [None, 1.5], "c": {"d": [None]}},
        {"event": "x", "a": {"(1, 2)": 3.0, "4": 5}},
    ]
