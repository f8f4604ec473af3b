"""A caption tells its scene from every other, and a pair's captions say what differs."""

from hypothesis import given
from hypothesis import strategies as st
from test_scenes import any_values

from toy.captions import caption, captions
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
