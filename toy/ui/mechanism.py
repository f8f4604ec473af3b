"""The Mechanism page: what a guide pulls towards at each noise level, and the density that a sampler really draws."""

import math
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from functools import partial

import streamlit as st
from cachetools import LRUCache

import models
from toy import compare, figures, flows
from toy.figures import density_figure
from toy.guidance import RULES
from toy.mechanism import Mechanism, mechanism
from toy.sampling import INTEGRATORS
from toy.scene import Scene, of_target
from toy.ui import casting, controls, linked, links, pull, tasks
from toy.ui.engine import FULL, Busy, Work, engine
from toy.ui.tasks import Report
from toy.ui.words import plain
from toy.views import window

MAIN = "A64@4096"


PRESETS = {  # a guide, and the weak model beside it
    "Autoguidance": ("A32@512", "A32@512"),
    "CFG": ("AB32@512", "A32@512"),
    "CFG, full size": ("AB64@4096", "A64@4096"),
    "Negative prompt": ("B64@4096", "A64@4096"),
}
N, SEEDS = 4096, 4
FLOW_N, SIDE = 4096, 120
RULES_DRAWN = [rule for rule in controls.RULES_IN_ORDER if RULES[rule].tilt]


# --- The page ---------------------------------------------------------------------------------------------------------


def page() -> None:
    """Choose three models and see what the pull is made of; below, what a method's sampler draws."""
    with st.sidebar:
        densities = st.container()  # above the class that their usual ones follow
        target = linked.target("A")
        with densities:
            main = linked.density("main", "main", of_target(MAIN, target))
            guide = linked.density("guide", "guide", of_target("AB32@512", target))
            weak = linked.density("weak", "weak", of_target("A32@512", target), optional=True)
        st.caption("Pull = main − guide = (main − weak) + (weak − guide): quality part and task part.")
        st.divider()
        scene = _flow_scene(target)
    st.subheader("What the guide pulls towards")
    _presets(guide, weak, main, target)
    names = {"main": main, "guide": guide} | ({"weak": weak} if weak else {})
    if casting.ready(names.items()):
        _measured(names, target)
    st.subheader("What the sampler really draws")
    if scene is not None and casting.ready(scene.cast):
        _drawn(scene)
    with st.expander("Link"):
        links.show()


def _presets(guide: str, weak: str, main: str, target: str) -> None:
    now = next((name for name in PRESETS if (main, guide, weak) == _densities(name, target)), None)
    st.session_state["mechanism.preset"] = now
    st.pills(
        "Presets",
        list(PRESETS),
        key="mechanism.preset",
        on_change=_choose_preset,
        args=(target,),
        label_visibility="collapsed",
    )


def _densities(name: str, target: str) -> tuple[str, str, str]:
    """Main, guide and weak model of a preset for a target."""
    main, guide, weak = (of_target(each, target) for each in (MAIN, *PRESETS[name]))
    return main, guide, weak


def _choose_preset(target: str) -> None:
    name = st.session_state["mechanism.preset"]
    if name:
        for role, value in zip(("main", "guide", "weak"), _densities(name, target), strict=True):
            linked.put(role, value)


def _answer(work: Work, words: str) -> object:
    """A result from the engine; None, with words on the page, while it is computed or where it cannot be."""
    memory = st.session_state
    held: Future | None = memory.get(f"held.{words}", (None, None))[1]
    if held is None or memory[f"held.{words}"][0] != work.key or not held.done() or held.cancelled():
        try:
            (held,) = engine().ask((memory.setdefault("visitor", object()), words), [work], priority=FULL)
        except Busy as busy:
            st.warning(f"The server is busy: {plain(busy)}.")
            return None
        memory[f"held.{words}"] = (work.key, held)
    try:
        return held.result(0.7)
    except TimeoutError:
        st.caption(f"{words} …")
    except ValueError as error:
        st.warning(f"Not computed: {plain(error)}")
    return None


def _measured(names: Mapping[str, str], target: str) -> None:
    key = ("mechanism", tuple(names.items()), target, N, SEEDS)
    # A program of its own: it does not wait behind the sampler's density below, which takes ten times as long.
    work = Work(key, partial(_mechanism, dict(names), target), program=key, name="the measurement")
    _live(work, "measuring the scores at 25 noise levels", partial(pull.show, seeds=SEEDS, known=pull.recorded(names)))


def _mechanism(names: Mapping[str, str], target: str) -> Mechanism:
    cast = {role: models.load(name) for role, name in names.items()}
    return mechanism(cast["main"], cast["guide"], weak=cast.get("weak"), target=target, n=N, seeds=SEEDS)


def _live(work: Work, words: str, show: Callable[[object], None]) -> None:
    """Show a result where it is; else look again every second until it is."""
    done = st.session_state.setdefault("mechanism.done", LRUCache(64))

    def draw() -> None:
        if work.key not in done:
            found = _answer(work, words)
            if found is None:
                return
            done[work.key] = found
            links.rerun()
        show(done[work.key])

    st.fragment(draw, run_every=None if work.key in done else 1.0)()


# --- What is drawn ----------------------------------------------------------------------------------------------------


def _flow_scene(target: str) -> Scene | None:
    """The method whose sampler is looked into."""
    st.markdown("**What the sampler draws**")
    rule = linked.select("Method", RULES_DRAWN, "rule", "cfg", controls.rule_title)
    scores = linked.scores("exact")
    integrator = linked.select("Integrator", list(INTEGRATORS), "integrator", "heun", controls.integrator_title)
    knobs = {name: linked.number(knob, f"{rule}.{name}") for name, knob in RULES[rule].knobs.items()}
    try:
        return compare.scored(Scene.of(rule, integrator=integrator, target=target, n=FLOW_N, **knobs), scores)
    except ValueError as error:
        st.warning(plain(error))
        return None


WORDS = {
    "kl_truth": ("KL from the truth", "KL(q || p): how many nats the drawn density q differs from the true one"),
    "kl_tilt": ("KL from the promise", "KL(q || tilt): from the tilted density that the formula stands for"),
    "entropy": ("entropy", "of q, in nats: less is less variation"),
}


def _drawn(scene: Scene) -> None:
    knobs = ", ".join(f"{scene.entry.knobs[k].label} = {v:g}" for k, v in scene.knobs if k in scene.entry.knobs)
    st.caption(" · ".join(filter(None, (scene.entry.title, knobs, plain(", ".join(name for _, name in scene.cast))))))
    if INTEGRATORS[scene.integrator].stochastic:
        have = ", ".join(entry.title for entry in INTEGRATORS.values() if not entry.stochastic)
        title = INTEGRATORS[scene.integrator].title
        words = "is stochastic: its samples are no function of their start, so there is no exact log q"
        st.info(f"{title} {words}; these have one: {have}.")
        return
    work = Work(("flow", scene), partial(_flow, scene), heavy=True)
    _live(work, "sampling with the exact log q", partial(_numbers, scene))


def _flow(scene: Scene) -> dict[str, float]:
    return flows.flow(scene, models.cast(scene.cast)).summary()


def _numbers(scene: Scene, found: Mapping[str, float]) -> None:
    columns = st.columns(len(WORDS))
    for column, (name, (label, words)) in zip(columns, WORDS.items(), strict=True):
        value, error = found.get(name, math.nan), found.get(f"{name}_error", math.nan)
        column.metric(
            label, f"{value:.2f} ± {2 * error:.2f} nats" if math.isfinite(value) else "not finite", help=words
        )
    if found["not_finite"]:
        st.caption(f"{found['not_finite']:.1%} of the samples have no finite log q and are left out.")
    _picture(scene)


def _picture(scene: Scene) -> None:
    done = st.session_state.setdefault("mechanism.drawn", LRUCache(8))
    if scene in done:
        st.image(done[scene], width="stretch", alt="The sampler's own density beside the true one")
        return
    tasks.on_demand(
        "Draw the density itself", ("density", scene), partial(_density, scene),
        lambda found: done.update({scene: found}), "Not drawn", icon=":material/gradient:",
        help="on a grid: takes a while",
    )  # fmt: skip


def _density(scene: Scene, report: Report) -> bytes:
    view = window("tree", scene.target)
    drawn = density_figure(scene, models.cast(scene.cast), view=view, resolution=SIDE, report=report)
    return figures.encode(drawn, "png", {"title": "density", "rule": scene.rule})
