"""Files are written whole or not at all."""

import os
import stat
from pathlib import Path

import jax
import pytest

from toy import files
from toy.files import check_writable, replacing


@pytest.fixture
def target(tmp_path):
    """A file with something in it."""
    path = tmp_path / "a.txt"
    path.write_text("old")
    return path


def test_written_file_takes_the_place_of_the_old_one(target):
    with replacing(target) as temporary:
        temporary.write_text("new")
        assert target.read_text() == "old"
        assert temporary.parent == target.parent
        assert temporary.suffix == ".txt"
    assert target.read_text() == "new"
    assert os.listdir(target.parent) == ["a.txt"]


def test_others_may_read_it(target):
    with replacing(target) as temporary:
        temporary.write_text("new")
    assert stat.S_IMODE(target.stat().st_mode) == 0o644


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, SystemExit, OSError])
def test_failure_leaves_the_old_file_and_no_other(target, error):
    def fail():
        with replacing(target) as temporary:
            temporary.write_text("half")
            raise error("stop")

    with pytest.raises(error, match="stop"):
        fail()
    assert target.read_text() == "old"
    assert os.listdir(target.parent) == ["a.txt"]


def test_failure_leaves_no_new_file(tmp_path):
    with pytest.raises(RuntimeError), replacing(tmp_path / "b.txt"):
        raise RuntimeError
    assert os.listdir(tmp_path) == []


def test_missing_folder_is_made(tmp_path):
    path = tmp_path / "one" / "two" / "a.bin"
    with replacing(str(path)) as temporary:
        temporary.write_bytes(b"new")
    assert path.read_bytes() == b"new"


def test_folder_under_a_file_is_refused_by_name(target):
    path = target / "b.txt"
    with pytest.raises(ValueError, match=r"cannot write '.*b\.txt': ") as caught, replacing(path):
        pytest.fail("the block must not run")
    assert "\n" not in str(caught.value)
    assert target.read_text() == "old"


@pytest.mark.skipif(os.geteuid() == 0 if hasattr(os, "geteuid") else True, reason="root may write anywhere")
def test_folder_without_permission_is_refused_by_name(tmp_path):
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(ValueError, match=r"cannot write '.*a\.txt': "), replacing(tmp_path / "a.txt"):
            pytest.fail("the block must not run")
    finally:
        tmp_path.chmod(0o700)


def test_folder_is_not_replaced(tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir()
    with pytest.raises(ValueError, match=r"cannot write '.*folder': it is a folder"), replacing(folder) as temporary:
        temporary.write_text("new")
    assert os.listdir(tmp_path) == ["folder"]
    assert os.listdir(folder) == []


def test_two_writers_do_not_meet(target):
    with replacing(target) as first, replacing(target) as second:
        assert first != second
        first.write_text("first")
        second.write_text("second")
    assert target.read_text() == "first"  # the outer block ends last
    assert os.listdir(target.parent) == ["a.txt"]


def test_a_place_to_write_is_checked_beforehand(tmp_path):
    check_writable(tmp_path / "new" / "a.npz")
    assert not list((tmp_path / "new").iterdir())
    with pytest.raises(ValueError, match="it is a folder"):
        check_writable(tmp_path)
    (tmp_path / "file").write_text("x")
    with pytest.raises(ValueError, match="cannot write"):
        check_writable(tmp_path / "file" / "a.npz")


def test_compiled_programs_are_forgotten_when_they_are_too_many(monkeypatch, compilations):
    if not Path("/proc/self/maps").exists():
        pytest.skip("this system has no table of memory maps to read")

    @jax.jit
    def double(x):
        return 2 * x

    double(1.0)
    assert not files.spare_maps()
    double(1.0)
    assert compilations("double") == 1
    monkeypatch.setattr(files, "MOST_MAPS", 1)
    assert files.spare_maps()
    assert double(2.0) == 4
    assert compilations("double") == 2
