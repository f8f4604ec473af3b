"""The pages Compare and Mechanism: what they measure, and what is chosen on them."""

import pytest
from page_runner import COMPARE, MECHANISM, control, fine, link, opened, until
from streamlit.testing.v1 import AppTest

from toy.ui import compare as comparison
from toy.ui import mechanism as mechanisms

pytestmark = pytest.mark.usefixtures("pages")

MEASURE, FLOW = comparison.measure, mechanisms._flow  # before pages ask for nothing
# A weak model stays learned: nothing that is asked here is exact.
SMALL = {"methods": "none,autoguidance", "strengths": "1,3", "n": "512", "seeds": "2", "scores": "exact-guides"}


def charts_of(at: AppTest) -> int:
    """How many charts the page has."""
    return len(at.get("arrow_vega_lite_chart") or at.get("vega_lite_chart"))


def test_methods_are_compared_and_a_link_restores_the_page(monkeypatch):
    monkeypatch.setattr(comparison, "measure", MEASURE)
    at = opened(COMPARE, **SMALL)
    fine(at)
    assert charts_of(at) == 4
    until(lambda: not at.run().get("progress"))
    fine(at)
    assert not at.warning
    assert link(at) == SMALL
    (table,) = at.dataframe
    assert len(table.value) == 1 + 1 + 2  # the truth, none, and autoguidance at two strengths
    asked = "--methods none,autoguidance --strengths 1,3 --n 512 --seeds 2 --scores exact-guides"
    assert any(asked in code.value for code in at.code)
    again = opened(COMPARE, **SMALL)
    until(lambda: not again.run().get("progress"))
    assert again.dataframe[0].value.equals(table.value)


def test_methods_are_compared_at_equal_cost():
    few = {"methods": "none,cfg,characteristic_guidance", "strengths": "2", "n": "512", "seeds": "1"}
    at = opened(COMPARE, **few, cost="128")
    fine(at)
    (warned,) = at.warning
    assert "characteristic_guidance takes 360 score evaluations with 8 steps, the fewest" in warned.value
    assert link(at) == {**few, "cost": "128"}
    asked = "--methods none,cfg,characteristic_guidance --strengths 2 --n 512 --seeds 1 --evaluations 128"
    assert any(asked in code.value for code in at.code)
    control(at, "selectbox", "compare/cost").set_value("steps").run()
    fine(at)
    assert not at.warning
    assert "cost" not in link(at)


def test_nothing_chosen_is_said():
    at = opened(COMPARE, **SMALL)
    at.multiselect[0].set_value([]).run()
    fine(at)
    assert at.info
    assert not charts_of(at)


@pytest.mark.parametrize("name", mechanisms.PRESETS)
def test_every_guide_is_taken_apart_in_one_click(name):
    at = opened(MECHANISM, guide="exact:AB", weak="")
    fine(at)
    until(lambda: charts_of(at.run()) == 4)  # without a weak model there is nothing to split
    control(at, "pills", "mechanism.preset").set_value(name).run()
    until(lambda: charts_of(at.run()) == 6)
    fine(at)
    assert not at.warning
    guide, weak = mechanisms.PRESETS[name]
    assert link(at) == {
        key: value for key, value, usual in (("guide", guide, "AB32@512"), ("weak", weak, "A32@512")) if value != usual
    }
    answer = {"Autoguidance": "entirely a **bad version", "CFG, full size": "entirely a **distribution shift"}
    assert any(answer.get(name, "negative side is") in element.value for element in at.markdown)


def test_what_is_chosen_stays_where_its_numbers_are_there_already():
    there = opened(MECHANISM)
    until(lambda: charts_of(there.run()) == 6)
    at = opened(MECHANISM, guide="A32@512")
    control(at, "pills", "mechanism.preset").set_value("CFG").run()
    assert charts_of(at) == 6
    assert link(at) == {}


def test_what_the_sampler_draws_is_measured_and_a_stochastic_one_is_refused(monkeypatch):
    monkeypatch.setattr(mechanisms, "_flow", FLOW)
    at = opened(MECHANISM, **{"rule": "cfg", "cfg.w": "2"})
    until(lambda: len(at.run().metric) == 3)
    fine(at)
    assert all("nats" in metric.value for metric in at.metric)
    for integrator in ("ancestral", "smc"):
        at = opened(MECHANISM, integrator=integrator)
        fine(at)
        assert any("stochastic" in element.value for element in at.info)
        assert not at.metric
