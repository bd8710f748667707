"""The sealed store: what is written is there, what was damaged is noticed, what can't be written is said."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from vlp.durable.codec import pack, unpack
from vlp.durable.store import Store
from vlp.errors import StateError

ROWS = {"a/1": b"one", "a/2": b"two", "b/1": bytes(range(256))}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    with Store(tmp_path / "state.sqlite") as store:
        store.put(ROWS)
    return tmp_path / "state.sqlite"


def test_what_is_put_is_there_when_it_is_opened_again(path: Path) -> None:
    with Store(path, fresh=False) as store:
        assert {key: store.get(key) for key in ROWS} == ROWS
        assert store.keys("a/") == ["a/1", "a/2"] and store.get("c") is None
        store.forget("a/")
        assert store.keys("a/") == [] and store.get("b/1") == ROWS["b/1"]


def test_a_store_in_memory_needs_no_file() -> None:
    with Store() as store:
        store.put(ROWS)
        assert store.get("a/2") == b"two"


def test_arrays_and_words_come_back_as_they_were() -> None:
    array = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    said, arrays = unpack(pack({"x": [1, None, 0.1]}, {"clip": array}))
    assert said == {"x": [1, None, 0.1]} and arrays["clip"].dtype == np.uint8
    assert np.array_equal(arrays["clip"], array)


def test_a_file_is_neither_begun_twice_nor_gone_on_with_where_there_is_none(path: Path) -> None:
    with pytest.raises(StateError, match="expected no file"):
        Store(path)
    with pytest.raises(StateError, match="expected a file"):
        Store(path.with_name("other.sqlite"), fresh=False)
    assert not path.with_name("other.sqlite").exists()


def test_every_bit_that_flips_is_noticed_or_changes_nothing(path: Path) -> None:
    whole = path.read_bytes()
    generator, noticed = np.random.default_rng(0), 0
    for place in generator.choice(len(whole), 300, replace=False):
        flipped = bytearray(whole)
        flipped[place] ^= 1 << int(generator.integers(8))
        path.write_bytes(flipped)
        try:
            with Store(path, fresh=False) as store:
                assert {key: store.get(key) for key in [*store.keys("a/"), *store.keys("b/")]} == ROWS
        except StateError as error:
            noticed += 1
            assert "start the run again" in str(error) or "vlp resume" in str(error)
    assert noticed > 5
    path.write_bytes(whole)
    with Store(path, fresh=False) as store:
        assert store.get("a/1") == b"one"


def test_a_file_that_was_cut_off_is_noticed_and_left_as_it_is(path: Path) -> None:
    whole = path.read_bytes()
    for length in (0, 10, 100, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(StateError):
            Store(path, fresh=False)
        assert path.read_bytes()[:length] == whole[:length]


def test_a_full_disk_is_said_and_what_was_there_stays(path: Path) -> None:
    """In a process whose files may grow no further: the system refuses the write, as a full disk does."""
    code = f"""
import resource, signal, sys
from pathlib import Path
from vlp.durable.store import Store
from vlp.errors import StateError
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
store = Store(Path({str(path)!r}), fresh=False)
if sys.argv[1] == "full":
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, resource.RLIM_INFINITY))
try:
    for number in range(40):
        store.put({{f"c/{{number:02d}}": bytes(20_000)}})
    print("all")
except StateError as error:
    print(error)
"""
    said = {}
    for disk in ("full", "free"):
        done = subprocess.run([sys.executable, "-c", code, disk], capture_output=True, text=True, check=True)
        said[disk] = done.stdout.strip()
    assert "expected to read and write" in said["full"] and "free some space" in said["full"]
    assert said["free"] == "all"
    with Store(path, fresh=False) as store:
        assert store.get("a/1") == b"one" and len(store.keys("c/")) == 40
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] == resource.RLIM_INFINITY


@pytest.mark.skipif(os.geteuid() != 0, reason="needs a user to become")
def test_a_folder_that_may_not_be_written_is_said(path: Path) -> None:
    path.parent.chmod(0o555)
    path.chmod(0o444)
    for parent in path.parents:
        if parent.owner() == "root" and parent != path.parent:
            parent.chmod(parent.stat().st_mode | 0o555)
    code = f"""
import os
from pathlib import Path
from vlp.durable.store import Store
from vlp.errors import StateError
os.setuid(65534)
try:
    Store(Path({str(path)!r}), fresh=False).put({{"x": b"y"}})
except StateError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "expected to read and write" in done.stdout
    path.parent.chmod(0o755)
