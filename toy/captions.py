"""Names of scenes for people: made from what differs from the usual, and from the picture beside it."""

import re
from collections.abc import Mapping

from toy import distributions
from toy.registry import Entry, Knob
from toy.sampling import INTEGRATORS
from toy.scene import SETTINGS, Scene, default_cast, exact_of
from toy.schedules import SCHEDULES
from toy.settings import Turned

ROLES = {"weak": "guide"}  # where the word for people is another one
YOURS = {"strokes": "your drawing", "points": "your points"}
KEPT = re.compile(rf"\b({'|'.join(YOURS)})-[0-9a-f]{{12}}\b")
OF_KEPT = re.compile(
    rf"(?P<exact>exact:)?(?P<on>{KEPT.pattern}[\w.:=+-]*)/(?P<letters>[A-P]+)"
    r"(?:(?P<width>\d+)@(?P<iterations>\d+)(?:#(?P<seed>\d+))?)?(?P<items>(?:~[a-z_0-9]+=[^~]*)*)"
)


def caption(scene: Scene) -> str:
    """The rule's title, its weight, and all that is not usual: two scenes have the same one only if they are equal."""
    return captions(scene)[0]


def captions(*scenes: Scene, knobs: bool = True) -> tuple[str, ...]:
    """A caption for each of several scenes beside each other: what is not usual, and what differs between them.

    Those of different scenes differ, those of equal ones do not. The number of samples is said only where it differs.
    With ``knobs=False`` the rule's own are left out, for a place where they stand beside the caption.
    """
    said = [_facts(scene, alone=len(scenes) == 1) for scene in scenes]
    out = []
    for scene, facts in zip(scenes, said, strict=True):
        words = [scene.entry.title]
        for (kind, name), (text, usual) in facts.items():
            differs = any(facts[kind, name] != other.get((kind, name), facts[kind, name]) for other in said)
            if text and (knobs or kind != "knob") and (differs or not usual):
                words.append(text)
        out.append(short(", ".join(words)))
    return tuple(out)


def short(text: str) -> str:
    """A text that calls kept data what they are to who has given them: 'your drawing' for 'strokes-29a9d7de61f2'."""
    return KEPT.sub(lambda found: YOURS[found[1]], text)


def called(name: str) -> str:
    """A density's name for people: of a drawing 'your drawing, A, width 64, 4096 iterations'; most are their own."""
    found = OF_KEPT.fullmatch(name)
    if not found or bool(found["exact"]) == bool(found["width"]):  # neither, or both, which is no name
        return short(name)
    kind = "exact"
    if found["width"]:
        kind = f"width {found['width']}, {found['iterations']} iterations"
        kind += f", seed {found['seed']}" if found["seed"] else ""
    words = [*short(found["on"]).split(":"), found["letters"], kind, *found["items"].split("~")[1:]]
    return ", ".join(words).replace("=", " ")


def number(value: float) -> str:
    """A number as short as it can be and still be told from every other."""
    return re.sub(r"^(-?)0\.", r"\1.", repr(value + 0).removesuffix(".0"))


def _facts(scene: Scene, *, alone: bool) -> dict[tuple[str, str], tuple[str, bool]]:
    """All that makes a scene, by kind and name: its words, and whether it goes without saying."""
    values = dict(scene.knobs)
    facts = {}
    for knob in scene.entry.knobs.values():
        text = f"{_label(knob, scene.entry, knob.name)} {number(values[knob.name])}"
        facts["knob", knob.name] = text, knob.neutral is None and values[knob.name] == knob.default
    facts |= _cast(scene)
    facts["setting", "schedule"] = _schedule(scene), False
    stepper = INTEGRATORS[scene.integrator]
    facts["setting", "integrator"] = stepper.title + _unusual(stepper, values), scene.integrator == "heun"
    for name, text in {
        "target": named(scene.target),
        "start": "from the exact start" if scene.start == "exact" else "from N(0, σ max²)",
        "steps": f"{scene.steps} steps",
        **{
            name: f"{SETTINGS[name].label} {number(getattr(scene, name))}" for name in ("sigma_max", "sigma_min", "rho")
        },
        "seed": f"seed {scene.seed}",
        "n": f"n {scene.n}",
    }.items():
        usual = getattr(scene, name) == getattr(Scene, name) or (name == "n" and not alone)
        facts["setting", name] = text, usual
    return facts


def _cast(scene: Scene) -> dict[tuple[str, str], tuple[str, bool]]:
    usual, cast = default_cast(scene.rule, scene.target), dict(scene.cast)
    if cast == {role: exact_of(name) for role, name in usual.items()}:
        return {("cast", ""): ("exact scores", False)}
    return {("cast", role): (f"{ROLES.get(role, role)} {name}", name == usual[role]) for role, name in cast.items()}


def mode_word(target: str) -> str:
    """What a mode of the target's distribution is called: of the tree a branch."""
    return "mode" if distributions.of(target).on else "branch"


def named(target: str) -> str:
    """A target in words: 'class B', 'moons, class A', or 'your drawing, class A'."""
    known = distributions.of(target)
    return short(", ".join(filter(None, (known.on, f"class {known.called}"))))


def _schedule(scene: Scene) -> str:
    values, entry = dict(scene.knobs), SCHEDULES[scene.schedule]
    if scene.schedule == "interval":
        return f"σ {number(values['lo'])}-{number(values['hi'])}"
    return "" if scene.schedule == "constant" else f"{entry.title.lower()} schedule{_unusual(entry, values)}"


def _unusual(entry: Entry, values: Mapping[str, Turned]) -> str:
    """The knobs that are not at their defaults, in brackets."""
    words = [
        f"{_label(knob, entry, part)} {number(value)}"
        for name, knob in entry.knobs.items()
        for part, value in knob.spelled(values[name]).items()
        if value != knob.spelled(knob.default)[part]
    ]
    return f" ({', '.join(words)})" if words else ""


def _label(knob: Knob, entry: Entry, name: str) -> str:
    """The knob's label, or the name of its number where others have the same label."""
    alone = [k.label for k in entry.knobs.values()].count(knob.label) == 1 and not knob.size
    return knob.label if alone else name
