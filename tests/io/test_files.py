from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import nbjax.io.files
from nbjax.errors import FileError
from nbjax.io.files import atomic_writer, check_writable, read_bytes, read_text

ROOT = Path(nbjax.io.files.__file__).parents[2]

KILLED = """
import os, signal, sys
from nbjax.io.files import atomic_writer

with atomic_writer(sys.argv[1]) as handle:
    handle.write(b"longer than what follows")
    handle.flush()
    os.kill(os.getpid(), signal.SIGKILL)
"""
"""A writer that does not come to its end."""


def test_the_file_appears_complete(tmp_path: Path) -> None:
    path = tmp_path / "image.bin"
    with atomic_writer(path) as handle:
        handle.write(b"half")
        assert not path.exists()
        handle.write(b"full")
    assert path.read_bytes() == b"halffull"
    assert os.listdir(tmp_path) == ["image.bin"]


def test_text_mode_writes_utf8(tmp_path: Path) -> None:
    with atomic_writer(tmp_path / "a.txt", "w") as handle:
        handle.write("d/Å\n")
    assert (tmp_path / "a.txt").read_bytes() == "d/Å\n".encode()


def test_a_failure_spares_the_older_file(tmp_path: Path) -> None:
    path = tmp_path / "image.bin"
    path.write_bytes(b"old")
    with pytest.raises(KeyError), atomic_writer(path) as handle:  # noqa: PT012
        handle.write(b"new")
        raise KeyError
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["image.bin"]


def test_what_a_killed_writer_left_is_taken_over(tmp_path: Path) -> None:
    path = tmp_path / "image.bin"
    program = [sys.executable, "-c", KILLED, str(path)]
    killed = subprocess.run(program, env={**os.environ, "PYTHONPATH": str(ROOT)}, check=False, timeout=60)
    assert killed.returncode == -signal.SIGKILL
    assert len(os.listdir(tmp_path)) == 1
    with atomic_writer(path) as handle:
        handle.write(b"new")
    assert path.read_bytes() == b"new"
    assert os.listdir(tmp_path) == ["image.bin"]


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may write everywhere")
def test_what_another_user_left_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "image.bin"
    with pytest.raises(KeyError), atomic_writer(path):  # noqa: PT012
        (left,) = tmp_path.iterdir()
        raise KeyError
    left.touch(0o444)
    with atomic_writer(path) as handle:
        handle.write(b"new")
    assert path.read_bytes() == b"new"
    assert sorted(os.listdir(tmp_path)) == sorted([left.name, "image.bin"])


def _no_locks(*_: object) -> None:
    raise OSError(errno.ENOTSUP, "no locks")


@pytest.mark.parametrize("locks", ["usual", "absent", "refused"])
def test_writers_at_the_same_time_do_not_mix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, locks: str) -> None:
    if locks == "absent":
        monkeypatch.setattr(nbjax.io.files, "fcntl", None)
    elif locks == "refused":
        monkeypatch.setattr(nbjax.io.files.fcntl, "flock", _no_locks)
    path = tmp_path / "image.bin"
    with atomic_writer(path) as outer:
        outer.write(b"outer")
        with atomic_writer(path) as inner:
            inner.write(b"in")
        assert path.read_bytes() == b"in"
        with pytest.raises(KeyError), atomic_writer(path):
            raise KeyError
    assert path.read_bytes() == b"outer"
    assert os.listdir(tmp_path) == ["image.bin"]


def test_a_full_disk_is_a_clear_error(tmp_path: Path) -> None:
    with (
        pytest.raises(FileError, match=r"image\.bin: cannot be written \(No space left on device\); free"),
        atomic_writer(tmp_path / "image.bin"),
    ):
        raise OSError(28, "No space left on device")
    assert os.listdir(tmp_path) == []


def test_a_new_file_gets_the_usual_permissions(tmp_path: Path) -> None:
    (tmp_path / "plain").touch()
    with atomic_writer(tmp_path / "image.bin"):
        pass
    assert (tmp_path / "image.bin").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_a_link_keeps_pointing(tmp_path: Path) -> None:
    (tmp_path / "far").mkdir()
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "far" / "image.bin")
    with atomic_writer(link) as handle:
        handle.write(b"x")
    assert link.is_symlink()
    assert (tmp_path / "far" / "image.bin").read_bytes() == b"x"


def test_a_pipe_is_written_and_not_replaced(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        with atomic_writer(pipe) as handle:
            handle.write(b"through")
        assert os.read(reader, 100) == b"through"
    finally:
        os.close(reader)
    assert pipe.is_fifo()


def test_check_writable_leaves_nothing(tmp_path: Path) -> None:
    check_writable(tmp_path / "image.bin")
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("none/image.bin", "none does not exist; create it"),
        ("folder", "is a folder; give the name of a file"),
        ("file/image.bin", "file does not exist; create it"),
        ("n" * 300, "cannot be written .File name too long"),
        ("a\0b", "cannot be written .*null"),
    ],
)
def test_check_writable_refuses(tmp_path: Path, name: str, problem: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    with pytest.raises(FileError, match=problem):
        check_writable(tmp_path / name)
    with pytest.raises(FileError, match=problem), atomic_writer(tmp_path / name):
        pass


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may write everywhere")
def test_check_writable_refuses_protected_places(tmp_path: Path) -> None:
    (tmp_path / "file").touch(0o444)
    with pytest.raises(FileError, match="is write-protected"):
        check_writable(tmp_path / "file")
    tmp_path.chmod(0o555)
    with pytest.raises(FileError, match="Permission denied"):
        check_writable(tmp_path / "new")
    tmp_path.chmod(0o755)


def test_text_has_one_kind_of_line_ending(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"\xef\xbb\xbf1\r\n2\r3\n")
    assert read_text(tmp_path / "a") == "1\n2\n3\n"


@pytest.mark.parametrize(
    ("content", "problem"),
    [(b"1 2\0", "is a binary file"), (b"caf\xe9", "is not UTF-8 text"), (None, "cannot be read")],
)
def test_what_is_not_text_is_refused(tmp_path: Path, content: bytes | None, problem: str) -> None:
    if content is not None:
        (tmp_path / "a").write_bytes(content)
    with pytest.raises(FileError, match=f"a: {problem}"):
        read_text(tmp_path / "a")


def test_a_folder_is_not_read(tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"cannot be read \(Is a directory\)"):
        read_bytes(tmp_path)
