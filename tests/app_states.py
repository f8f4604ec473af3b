"""Any state that a visitor can reach, and what a stranger may say instead: strategies for hypothesis."""

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from ui_helpers import NAMES

from toy import distributions
from toy.guidance import RULES
from toy.languages import LANGUAGES
from toy.sampling import INTEGRATORS
from toy.scene import SETTINGS, STARTS, Scene
from toy.schedules import SCHEDULES
from toy.state import (
    COUNTS,
    FLAGS,
    HIDEABLE,
    LAYERS,
    LAYOUTS,
    SLOTS,
    State,
)
from toy.viewer.presets import PRESETS

QUICK = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
ALL_LAYERS = [layer for group in LAYERS for layer in group]

SMALL = State().change("left", n=512, steps=8)


def knob_value(knob):
    number = st.floats(knob.lo, knob.hi)
    return st.tuples(*[number] * knob.size) if knob.size else number


def in_order(entry, values):
    """The two knobs of an entry of which one may not be above the other, as they may be."""
    names = entry.ordered or ()
    return dict(zip(names, sorted(values[name] for name in names), strict=True))


@st.composite
def scenes(draw, shared=None):
    """Any scene that the app can show."""
    if shared is None:
        shared = draw(shared_settings())
    tilting = "tilt" in INTEGRATORS[shared["integrator"]].inputs  # then not every method goes with it
    rule = draw(st.sampled_from([name for name, rule in RULES.items() if rule.tilt or not tilting]))
    schedule = "constant" if tilting else draw(st.sampled_from(list(SCHEDULES)))
    entries = (RULES[rule], SCHEDULES[schedule], INTEGRATORS[shared["integrator"]])
    values = {name: draw(knob_value(knob)) for entry in entries for name, knob in entry.knobs.items()}
    for entry in entries:
        values |= in_order(entry, values)
    values |= {role: draw(st.sampled_from(NAMES)) for role in RULES[rule].roles}
    return Scene.of(rule, schedule=schedule, **values, **shared)


@st.composite
def shared_settings(draw):
    """What both sides have in common."""
    values = {name: draw(knob_value(SETTINGS[name])) for name in ("sigma_max", "sigma_min", "rho")}
    return values | {
        "n": draw(st.sampled_from(COUNTS)),
        "seed": draw(st.integers(0, int(SETTINGS["seed"].hi))),
        "steps": draw(st.integers(int(SETTINGS["steps"].lo), int(SETTINGS["steps"].hi))),
        "integrator": draw(st.sampled_from(list(INTEGRATORS))),
        "start": draw(st.sampled_from(STARTS)),
        "target": draw(st.sampled_from(distributions.targets())),
    }


CONDITIONS = st.from_regex(r"(outside|mode_tv|trunk|alignment)[<>][0-9]{1,4}(\.[0-9]{1,4})?", fullmatch=True)


def viewer_settings():
    """The viewer's own settings, as they stand in a State."""
    number = st.floats(-100, 100)
    options = {flag: st.booleans() for flag in FLAGS} | {
        "layout": st.sampled_from(LAYOUTS),
        "layers": st.lists(st.sampled_from(ALL_LAYERS), unique=True, min_size=1),
        "view": st.tuples(number, number, st.floats(1e-3, 100)).map(list),
        "t": st.floats(0, 1024),
        "speed": st.floats(0.1, 10),
        "language": st.sampled_from(list(LANGUAGES)),
        "challenge": st.lists(CONDITIONS, min_size=1, max_size=4),
    }
    return st.fixed_dictionaries({}, optional=options).map(lambda ui: tuple(sorted(ui.items())))


@st.composite
def states(draw):
    """Any state that a visitor can reach."""
    shared = draw(shared_settings())
    left, right = draw(scenes(shared=shared)), draw(scenes(shared=shared))
    hide = tuple(draw(st.lists(st.sampled_from(HIDEABLE), unique=True)))
    return State(left, right, draw(viewer_settings()), hide, draw(st.sampled_from(["", *PRESETS])))


SIDES = st.sampled_from(SLOTS)
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.just(10**400),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(["w", "left", "drag", "release"]),
)
JSON = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.one_of(SIDES, st.sampled_from(["w", "lo"]), st.text(max_size=5)), inner, max_size=4),
    ),
    max_leaves=10,
)
KNOBS = st.dictionaries(
    st.sampled_from(["w", "lo", "hi", "gamma", "alpha", "x"]), st.one_of(JSON, st.floats(-1e6, 1e6))
)


def numbers(count):
    return st.lists(st.floats(), min_size=count, max_size=count)


STROKES = st.fixed_dictionaries(
    {"label": st.sampled_from("ABQ"), "width": st.floats(0.01, 1)},
    optional={"at": st.one_of(JSON, numbers(2), numbers(3), numbers(4))},
)
REQUESTS = st.one_of(
    JSON,
    st.fixed_dictionaries(
        {},
        optional={
            "seq": JSON,
            "have": JSON,
            "phase": st.one_of(JSON, st.sampled_from(["drag", "release", "draw", "field", "probe"])),
            "knobs": st.one_of(JSON, st.dictionaries(SIDES, KNOBS)),
            "interval": st.one_of(JSON, st.dictionaries(SIDES, st.one_of(JSON, numbers(2)))),
            "sigma": st.one_of(JSON, st.floats()),
            "box": st.one_of(JSON, numbers(4)),
            "probe": st.one_of(JSON, numbers(2)),
            "layers": JSON,
            "drawing": JSON,
            "strokes": st.one_of(JSON, st.lists(STROKES, max_size=3)),
        },
    ),
)
