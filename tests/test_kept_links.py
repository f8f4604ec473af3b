"""Links and command lines that earlier versions wrote: each still means what it meant."""

from types import SimpleNamespace
from urllib.parse import parse_qsl

import pytest
from click.testing import CliRunner
from matplotlib.figure import Figure
from streamlit.testing.v1 import AppTest

from models.mlp import Spec
from models.training import Recipe
from toy import figures
from toy.__main__ import main
from toy.scene import Scene
from toy.state import of_link
from toy.ui import compare, gallery, mechanism, train
from toy.views import VIEWS

SHARES = "&".join(f"left.share{i}={i / 8:g}" for i in range(1, 33))  # in any order; those at 1 were left out

EXPLORE = {
    "": ({}, {}, {}),
    "left.w=3&right.rule=none": ({"w": 3}, {"rule": "none"}, {}),
    "left.rule=autoguidance&left.w=0.8125&right.w=0.8125": ({"rule": "autoguidance", "w": 0.8125}, {"w": 0.8125}, {}),
    "left.schedule=interval&left.lo=0.1&left.hi=0.9&n=512&seed=7&steps=16": (
        {"schedule": "interval", "lo": 0.1, "hi": 0.9, "n": 512, "seed": 7, "steps": 16},
        {"n": 512, "seed": 7, "steps": 16},
        {},
    ),
    "left.schedule=free&left.share2=0.25&left.share32=-4": (
        {"schedule": "free", "share2": 0.25, "share32": -4}, {}, {},
    ),
    f"left.schedule=free&{SHARES}": ({"schedule": "free", **{f"share{i}": i / 8 for i in range(1, 33)}}, {}, {}),
    "left.main=exact:A&left.unconditional=A64@4096~dropout=0.01~seed=3&right.weak=A32@512%231": (
        {"main": "exact:A", "unconditional": "A64@4096~dropout=0.01~seed=3"},
        {"weak": "A32@512#1"},
        {},
    ),
    "target=B&integrator=edm_stochastic&left.churn=40&sigma_max=10&start=normal&rho=5&sigma_min=0.01": (
        {"target": "B", "integrator": "edm_stochastic", "churn": 40, "sigma_max": 10, "start": "normal", "rho": 5,
         "sigma_min": 0.01},
        {"target": "B", "integrator": "edm_stochastic", "sigma_max": 10, "start": "normal", "rho": 5,
         "sigma_min": 0.01},
        {},
    ),
    "left.rule=answer&left.gamma=2&left.k=3&right.rule=dynamic_negative_guidance&right.prior=0.2": (
        {"rule": "answer", "gamma": 2, "k": 3}, {"rule": "dynamic_negative_guidance", "prior": 0.2}, {},
    ),
    "layers=ratio,error&layout=swipe&view=0.45,1.22,0.3&t=12.37&speed=0.25&trails=1&quality=0": (
        {}, {},
        {"layers": ["ratio", "error"], "layout": "swipe", "view": [0.45, 1.22, 0.3], "t": 12.37, "speed": 0.25,
         "trails": True, "quality": False},
    ),
    "hide=knobs,layers,settings&embed=true&variation=0&paper_look=1&paths=1&samples=1&curve=1&follow=0&loop=1": (
        {}, {},
        {"variation": False, "paper_look": True, "paths": True, "samples": True, "curve": True, "follow": False,
         "loop": True},
    ),
    "http://127.0.0.1:8501/?left.rule=none&story=close-up&right.rule=cfg&right.w=4&layout=left&layers=p1,p0,drawn": (
        {"rule": "none"}, {"rule": "cfg", "w": 4},
        {"layout": "left", "layers": ["p1", "p0", "drawn"]},
    ),
}  # fmt: skip


@pytest.mark.parametrize("link", EXPLORE)
def test_a_link_to_explore(link):
    left, right, ui = EXPLORE[link]
    state = of_link(link)
    usual = {"left": {"rule": "cfg", "w": 4}, "right": {"rule": "autoguidance", "w": 3}}
    for slot, values in (("left", left), ("right", right)):
        start = usual[slot] if values.get("rule", usual[slot]["rule"]) == usual[slot]["rule"] else {}
        assert state.scene(slot) == Scene.of(**{"n": 2048, **start, **values})
    assert dict(state.ui) == ui
    assert state.hide == (("knobs", "layers", "settings") if "hide=" in link else ())
    assert state.story == ("close-up" if "story=" in link else "")
    assert of_link(state.link()) == state


@pytest.fixture
def asked(monkeypatch):
    """What a page asks for, in place of computing it."""
    found = {}
    nothing = SimpleNamespace(need=lambda *given: None, runs={})
    monkeypatch.setattr("toy.ui.casting.waiting", lambda *given: None)
    for module in (compare, gallery, mechanism, train):
        monkeypatch.setattr(module, "engine", lambda: None)
    monkeypatch.setattr(
        compare.Table, "advance", lambda self, engine, wanted, patience: found.setdefault("wanted", wanted) and None
    )
    monkeypatch.setattr(
        gallery, "patiently", lambda name, options: found.update(figure=name, options=options) or PICTURE
    )
    monkeypatch.setattr(mechanism, "_live", lambda work, words, show: found.update({work.key[0]: work.key[1:]}))
    monkeypatch.setattr("toy.ui.casting.engine", lambda: None)
    monkeypatch.setattr("toy.ui.casting.trainer", lambda engine: nothing)

    def start(recipe):
        found["recipe"] = recipe
        raise ValueError("seen")

    monkeypatch.setattr(train, "trainer", lambda engine: SimpleNamespace(start=start, runs={}))
    return found


PICTURE = figures.encode(Figure(), "png", {})


def opened(page: str, query: dict[str, str]) -> AppTest:
    """A page as Streamlit runs it, at a link."""

    def run(page):
        from importlib import import_module

        from toy.ui import links

        links.begin(page)
        import_module(f"toy.ui.{page}").page()
        links.here().flush(whole=True)

    at = AppTest.from_function(run, kwargs={"page": page}, default_timeout=300)
    for key, value in query.items():
        at.query_params[key] = value
    at.run()
    assert not at.exception, [element.value for element in at.exception]
    assert not [words for words in at.warning if "Not taken" in words.value]
    assert written(at) == query  # as short as it can be
    return at


def written(at: AppTest) -> dict[str, str]:
    return {key: value[0] if isinstance(value, list) else value for key, value in at.query_params.items()}


def test_links_to_compare(asked):
    query = {"methods": "none,cfg,cfg+interval", "strengths": "1,2.5,4", "n": "1024", "seeds": "5", "scores": "exact"}
    at = opened("compare", query)
    assert dict(parse_qsl(at.code[0].value.partition("?")[2])) == query
    wanted = asked["wanted"]
    assert {trial.method.name for trial in wanted} == {"none", "cfg", "cfg+interval"}
    assert {trial.strength for trial in wanted if trial.method.name == "cfg"} == {1, 2.5, 4}
    assert {(trial.scene.n, trial.seeds) for trial in wanted} == {(1024, 5)}
    assert {dict(trial.scene.cast)["main"] for trial in wanted} == {"exact:A"}


def test_links_to_figures(asked):
    query = {"figure": "fig2", "main": "exact:A", "set.w": "true", "w": "2.5", "seed": "3", "view": "closeup",
             "sigma": "0.05"}  # fmt: skip
    at = opened("gallery", query)
    assert asked["figure"] == "fig2"
    options = asked["options"]
    assert dict(options.cast)["main"] == "exact:A"
    assert (dict(options.knobs), options.seed, options.sigma, options.view) == ({"w": 2.5}, 3, 0.05, VIEWS["closeup"])
    assert at.code[-1].value == (
        "python -m toy figure fig2 --main exact:A --w 2.5 --seed 3 --view closeup --sigma 0.05 --format pdf"
    )


def test_links_to_mechanism(asked):
    query = {"target": "B", "main": "B64@4096~dropout=0.01", "guide": "A32@512", "weak": "", "rule": "autoguidance",
             "scores": "exact-main", "integrator": "euler", "autoguidance.w": "2.5"}  # fmt: skip
    opened("mechanism", query)
    roles, target, *_ = asked["mechanism"]
    assert (roles, target) == ((("main", "B64@4096~dropout=0.01"), ("guide", "A32@512")), "B")
    (scene,) = asked["flow"]
    wanted = {"target": "B", "integrator": "euler", "w": 2.5, "n": mechanism.FLOW_N, "main": "exact:B"}
    assert scene == Scene.of("autoguidance", **wanted)


def test_links_to_train(asked):
    query = {"classes": "AB", "width": "16", "depth": "2", "iterations": "128", "loss": "denoising", "seed": "4"}
    at = opened("train", query)
    (button,) = [each for each in at.button if each.label == "Train"]
    button.click().run()
    assert asked["recipe"] == Recipe(Spec("AB", 16, 2), 128, seed=4, loss="denoising")


def test_links_to_the_lab(asked, monkeypatch):
    seen = []
    monkeypatch.setattr("toy.ui.lab._sweep", lambda wanted, name, metric, unfinished: seen.append((name, metric)))
    opened("lab", {"show": "sweeps", "sweep": "guide_map", "metric": "branch_tv"})
    assert seen == [("guide_map", "branch_tv")]


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("metrics --rule autoguidance --w 3", {"rule": "autoguidance", "w": 3}),
        ("metrics --rule cfg --w 4 --main exact:A --unconditional exact:AB --json",
         {"rule": "cfg", "w": 4, "main": "exact:A", "unconditional": "exact:AB"}),
        ("metrics --rule cfg --schedule interval --lo 0.05 --hi 0.3 --n 4096 --sigma-max 10 --rho 5 --start normal",
         {"rule": "cfg", "schedule": "interval", "lo": 0.05, "hi": 0.3, "n": 4096, "sigma_max": 10, "rho": 5,
          "start": "normal"}),
        ("metrics --rule cfg --schedule free --share1 0.5 --share2 -1 --share32 2.5",
         {"rule": "cfg", "schedule": "free", "share1": 0.5, "share2": -1, "share32": 2.5}),
        ("metrics --integrator edm_stochastic --churn-min 0.1 --churn-max 2 --target AB --sigma-min 0.01 --steps 9",
         {"integrator": "edm_stochastic", "churn_min": 0.1, "churn_max": 2, "target": "AB", "sigma_min": 0.01,
          "steps": 9}),
        ("metrics --rule adaptive_projected_guidance --momentum -0.5 --seed 3",
         {"rule": "adaptive_projected_guidance", "momentum": -0.5, "seed": 3}),
    ],
)  # fmt: skip
def test_command_lines_of_a_scene(line, wanted, monkeypatch):
    seen = []

    def stop(scene, *args, **options):
        seen.append(scene)
        raise ValueError("seen")

    monkeypatch.setattr("toy.cli.metrics.frame_of", stop)
    CliRunner().invoke(main, line.split())
    assert seen == [Scene.of(**wanted)]


def test_command_lines_of_figures(monkeypatch):
    seen = []

    def stop(cast):
        raise ValueError("seen")

    monkeypatch.setattr("models.cast", lambda cast: stop(cast))
    made = figures.Options
    monkeypatch.setattr(figures, "Options", lambda **given: seen.append(made(**given)) or seen[-1])
    line = "figure fig1 --w 2 --main exact:A --view 0.45,1.22,0.3 --sigma 0.05 --target A --n 512 --seed 2 --steps 9"
    CliRunner().invoke(main, line.split())
    (options,) = seen
    assert (dict(options.cast), dict(options.knobs)["w"]) == ({"main": "exact:A"}, 2)
    assert (options.view.half, options.sigma, options.target) == (0.3, 0.05, "A")
    assert (options.n, options.seed, options.steps) == (512, 2, 9)
