"""A caption tells its scene from every other, and a pair's captions say what differs."""

from hypothesis import given
from hypothesis import strategies as st
from site_helpers import in_node
from test_scenes import any_values

from toy.captions import called, caption, captions
from toy.scene import Scene
from toy.state import State
from toy.viewer.presets import PRESETS


@st.composite
def near(draw) -> tuple[Scene, Scene]:
    """A scene, and another that has some of its values and some of another one's."""
    one, other = Scene.of(**draw(any_values())), Scene.of(**draw(any_values()))
    taken = draw(st.sets(st.sampled_from(sorted(other.flat()))))
    try:
        return one, one.change(**{name: value for name, value in other.flat().items() if name in taken})
    except ValueError:  # not legal together
        return one, other


@given(near())
def test_captions_are_equal_where_scenes_are_and_nowhere_else(pair):
    one, other = pair
    assert (caption(one) == caption(other)) == (one == other)
    left, right = captions(one, other)
    assert (left == right) == (one == other)


@given(near())
def test_a_pair_turned_round_has_the_same_captions(pair):
    assert captions(*pair) == captions(*reversed(pair))[::-1]


def test_what_differs_is_said_in_few_words():
    guides = [Scene.of("autoguidance", weak=name) for name in ("A16@256", "A32@512")]
    assert captions(*guides, knobs=False) == ("Autoguidance, guide A16@256", "Autoguidance, guide A32@512")
    plain, within = Scene.of("cfg"), Scene.of("cfg", schedule="interval")
    assert captions(plain, within) == ("CFG, w 4", "CFG, w 4, σ .05-.3")
    assert captions(plain, plain.change(seed=1)) == ("CFG, w 4, seed 0", "CFG, w 4, seed 1")
    assert captions(plain, plain.change(w=2.5), knobs=False) == ("CFG", "CFG")
    exact = Scene.of("cfg", main="exact:A", unconditional="exact:AB")
    assert captions(exact, plain, knobs=False) == ("CFG, exact scores", "CFG")


def test_a_role_that_is_exact_alone_is_named():
    assert caption(Scene.of("cfg", main="exact:A", n=16384)) == "CFG, w 4, main exact:A"


def test_the_default_page_is_captioned_by_its_methods():
    state = State()
    assert captions(state.left, state.right, knobs=False) == ("CFG", "Autoguidance")


def test_the_two_sides_of_every_story_are_told_apart():
    for preset in PRESETS.values():
        state = preset.state()
        left, right = captions(state.left, state.right, knobs=False)
        assert left != right


DENSITIES = {
    "A64@4096": "A64@4096",
    "exact:moons/A": "exact:moons/A",
    "kept:mine": "kept:mine",
    "": "",
    "exact:strokes-0123456789ab/AB": "your drawing, AB, exact",
    "exact:strokes-0123456789ab/A~blur=0.1": "your drawing, A, exact, blur 0.1",
    "strokes-0123456789ab/A64@4096": "your drawing, A, width 64, 4096 iterations",
    "strokes-0123456789ab/A64@4096#1~dropout=0.1~seed=3": (
        "your drawing, A, width 64, 4096 iterations, seed 1, dropout 0.1, seed 3"
    ),
    "points-0123456789ab:bandwidth=0.05/A8@64": "your points, bandwidth 0.05, A, width 8, 64 iterations",
    "dns:strokes-0123456789ab/A8@64,exact:A": "dns:your drawing/A8@64,exact:A",
    "exact:strokes-0123456789ab/A8@64": "exact:your drawing/A8@64",
}


def test_a_density_of_kept_data_is_called_what_people_call_it():
    assert {name: called(name) for name in DENSITIES} == DENSITIES


def test_the_site_calls_densities_the_same():
    drawn = [name for name in DENSITIES if "points-" not in name]
    assert in_node("called.mjs", drawn) == [called(name) for name in drawn]
