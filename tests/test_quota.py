"""Whatever a link can make is bounded: networks that names ask for, and how often a session may ask for one."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ui_helpers import until

from models import stored, zoo
from toy.ui import trainer as trainers
from toy.ui.engine import Engine
from toy.ui.quota import IN_USE, LIST, Rate, Shelf
from toy.ui.trainer import Crowded, Trainer


class Clock:
    """A time that passes when it is told to."""

    def __init__(self) -> None:
        self.now = 1e6

    def __call__(self) -> float:
        return self.now


def write(folder: Path, name: str, size: int = 100) -> Path:
    path = folder / name
    path.write_bytes(bytes(size))
    return path


def test_the_least_recently_used_goes_and_never_one_in_use(tmp_path):
    clock = Clock()
    shelf = Shelf(tmp_path, most=300, now=clock)
    files = [write(tmp_path, f"{k}.safetensors") for k in range(3)]
    for path in files:
        shelf.put(path)
        clock.now += 1
    clock.now += 2 * IN_USE
    shelf.used(files[0])
    shelf.put(write(tmp_path, "3.safetensors"))
    assert [path.exists() for path in files] == [True, False, True]  # the oldest was used since
    shelf.put(write(tmp_path, "4.safetensors"))
    assert [path.exists() for path in files] == [True, False, False]
    shelf.put(write(tmp_path, "5.safetensors"))  # all that are left are in use: nothing goes, and no more is begun
    assert files[0].exists()
    assert shelf.full()
    clock.now += 2 * IN_USE
    assert not shelf.full()


def test_what_links_did_not_make_is_left_alone(tmp_path):
    clock = Clock()
    own = write(tmp_path, "sweep.safetensors", 10_000)
    outside = write(tmp_path.parent, "precious.safetensors", 10_000)
    (tmp_path / LIST).write_text("../precious.safetensors\n/etc/passwd\n.hidden\n\n")
    shelf = Shelf(tmp_path, most=50, now=clock)
    shelf.used(own)
    shelf.put(write(tmp_path, "a.safetensors"))
    clock.now += 2 * IN_USE
    shelf.put(write(tmp_path, "b.safetensors"))
    assert own.exists()
    assert outside.exists()
    assert not (tmp_path / "a.safetensors").exists()


def test_a_new_server_knows_what_links_made_before(tmp_path):
    Shelf(tmp_path, most=150, now=Clock()).put(write(tmp_path, "old.safetensors"))
    Shelf(tmp_path, most=150, now=Clock()).put(write(tmp_path, "new.safetensors"))
    assert sorted(path.name for path in tmp_path.iterdir()) == [LIST, "new.safetensors"]


@given(st.lists(st.tuples(st.sampled_from("abc"), st.floats(0, 20)), max_size=60))
def test_no_session_begins_more_than_its_rate(asked):
    clock, begun = Clock(), []
    rate = Rate(3, 60.0, now=clock)
    for session, later in asked:
        clock.now += later
        recent = sum(who == session and at > clock.now - 60 for who, at in begun)
        assert rate.allows(session) == (recent < 3)
        if rate.allows(session):
            rate.begun(session)
            begun.append((session, clock.now))
        assert len(rate._begun) <= 3


@pytest.fixture
def trainer(tmp_path, monkeypatch):
    """A trainer whose trainings do not begin."""
    monkeypatch.setenv("GUIDANCE_EXPLORER_MODELS", str(tmp_path))
    monkeypatch.setattr(trainers.training, "train", lambda recipe, every: iter(()))
    engine = Engine()
    yield Trainer(engine)
    engine.close()


def test_ever_new_names_of_one_session_are_slowed_down_and_others_are_not(trainer):
    names = [f"A8@1#{seed}" for seed in range(1, trainers.RATE[0] + 2)]
    for name in names[:-1]:
        run = trainer.need(name, "attacker")
        until(lambda run=run: run.ended)
    with pytest.raises(Crowded, match="were begun here within 60 s"):
        trainer.need(names[-1], "attacker")
    assert trainer.need(names[-1], "another") is not None


def test_what_is_asked_for_counts_as_used(trainer, monkeypatch):
    used = []
    monkeypatch.setattr(Shelf, "used", lambda self, path: used.append(path))
    path = stored.trained_path(zoo.missing("A8@1#7")[0])
    path.parent.mkdir(parents=True)
    path.touch()
    assert trainer.need("A8@1#7") is None
    assert used == [path]
    assert trainer.need("A64@4096") is None
