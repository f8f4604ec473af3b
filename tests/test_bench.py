"""Benchmarks: their names, rows and table, their reading of Streamlit's protocol; never a time."""

import json

import numpy as np
import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from toy import bench, distributions
from toy.bench import lab, library, server

EXACT = distributions.mixture

KEYS = {
    *("name", "what", "median", "p95", "min", "count", "unit", "ratio", "ratio_to", "budget", "p95_budget"),
    *("unscaled_budget", "yardstick", "ok", "note", "device"),
}


def report(name: str, values: list[float], **given: object) -> dict:
    return bench.row(bench.BENCHMARKS[name], bench.Measured(values), device="a machine", **given)


@pytest.mark.parametrize("name", list(bench.BENCHMARKS))
def test_every_row_has_the_same_keys_and_is_json(name: str) -> None:
    row = report(name, [1.0, 2.0, 3.0])
    assert set(row) == KEYS
    assert row["what"].endswith((".", "URL."))
    assert json.loads(json.dumps(row, allow_nan=False)) == row


def test_budgets_of_compute_move_with_the_yardstick() -> None:
    slow = report("training", [29.0], speed=200)
    assert (slow["budget"], slow["unscaled_budget"], slow["ok"]) == (30, 15, True)
    assert not report("training", [29.0], speed=400)["ok"]
    assert slow["ratio"] == pytest.approx(29 / (2 * 2048**3 / 200e9 * 1e3))


def test_budgets_of_the_app_do_not_move() -> None:
    row = report("told", [140.0] * 20, empty=70.0, speed=200)
    assert (row["budget"], row["ok"], row["ratio"], row["ratio_to"]) == (150, True, 2, "empty rerun")
    assert report("drag", [90.0] * 20, speed=200)["budget"] == 100
    late = report("drag", [90.0] * 15 + [400.0] * 5, speed=200)
    assert late["median"] == 90
    assert not late["ok"]


def test_a_gpu_has_its_own_budgets() -> None:
    assert report("sampling-16384", [9.0], speed=30_000, gpu=True)["ok"]
    assert report("training", [9.0], speed=30_000, gpu=True)["ok"] is None
    assert not {e.name for e in bench.select(None, app=False, gpu=False)} & {"training-main"}


def test_what_else_was_asked_for_counts() -> None:
    entry = bench.BENCHMARKS["thirty-visitors"]
    assert not bench.row(entry, bench.Measured([1.0], fine=False), device="")["ok"]


def test_table_is_aligned() -> None:
    rows = [report("training", [14.0, 15.0], speed=200), report("yardstick", [200.0]), report("memory-app", [900.0])]
    lines = bench.table(rows).split("\n")
    numbers = [line for line in lines[1:] if not line.startswith("    ")]
    assert lines[0] == "a machine"
    assert len({line.index(unit) for line, unit in zip(numbers, ("unit", "ms", "GFLOP/s", "MB"), strict=True)}) == 1
    assert "OVER" in numbers[3]
    assert "ok" in numbers[1]


def test_unknown_name_lists_the_names() -> None:
    for run in (bench.run, bench.run_app):
        with pytest.raises(ValueError, match="unknown benchmark 'speed'; have: yardstick, training") as found:
            run("speed")
        assert "thirty-visitors" in str(found.value)


def test_a_family_is_chosen_by_its_first_word() -> None:
    assert [e.name for e in bench.select("sampling", app=False, gpu=False)] == ["sampling-2048", "sampling-16384"]
    assert len(bench.select("thirty-visitors", app=True, gpu=False)) == 4


def test_what_takes_minutes_runs_only_by_its_name() -> None:
    assert "claims-quick" not in {e.name for app in (False, True) for e in bench.select(None, app=app, gpu=True)}
    assert [e.name for e in bench.select("claims-quick", app=False, gpu=False)] == ["claims-quick"]


def test_claims_are_measured_with_nothing_kept_and_then_with_compiled_code_alone(monkeypatch) -> None:
    told = []
    monkeypatch.setattr(lab, "child", lambda source, **kept: told.append((source, kept)))
    found = bench.BENCHMARKS["claims-quick"]("cfg_eliminates_outliers")
    (source, first), (again, second) = told
    assert source == again
    assert "['toy', 'claims', '--quick', 'cfg_eliminates_outliers']" in source
    assert first["JAX_COMPILATION_CACHE_DIR"] == second["JAX_COMPILATION_CACHE_DIR"]
    assert first["GUIDANCE_EXPLORER_MODELS"] != second["GUIDANCE_EXPLORER_MODELS"]
    assert len(found.values) == 1


def test_small_sizes_run() -> None:
    for found in (
        library.yardstick(size=64, repeats=2),
        library.training(iterations=2, width=8, batch=32, repeats=2),
        library.logp_grid(resolution=16, repeats=2),
        library.score_4096(n=32, repeats=2),
    ):
        assert len(found.values) == 2
        assert np.all(np.array(found.values) > 0)


def test_on_another_distribution_there_are_no_budgets() -> None:
    chosen = {entry.name for entry in bench.select(None, app=False, gpu=False, elsewhere=True)}
    assert {"training", "sampling-2048", "logp-grid", "logp-grid-AB", "score-4096", "method-cfg"} <= chosen
    assert not {"yardstick", "sweep-store", "memory-app", "compile"} & chosen
    there = bench.BENCHMARKS["training"].on("moons")
    row = bench.row(there, bench.Measured([1e6]), device="a machine", speed=400.0)
    assert (row["name"], row["budget"], row["ok"]) == ("training on moons", None, None)
    assert bench.BENCHMARKS["training"].on("") is bench.BENCHMARKS["training"]
    with pytest.raises(ValueError, match="benchmark 'sweep-store' means nothing on moons"):
        bench.run("sweep-store", on="moons")
    with pytest.raises(ValueError, match="unknown distribution 'moon'"):
        bench.run("training", on="moon")
    for entry in bench.select(None, app=False, gpu=False, elsewhere=True):
        assert not entry.app, entry.name


def test_what_is_measured_elsewhere_computes_with_that(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr("toy.distributions.mixture", lambda target: asked.append(target) or EXACT(target))
    library.logp_grid(resolution=8, repeats=1, target="moons/A")
    library.logp_grid_both(repeats=1, target="gaussians/A")
    library.score_4096(n=8, repeats=1, target="rings/A")
    assert list(dict.fromkeys(asked)) == ["moons/A", "gaussians/ABC", "rings/A"]


def test_a_process_that_fails_is_one_sentence() -> None:
    with pytest.raises(ValueError, match="process failed: KeyError: 'gone'"):
        library.child("{}['gone']")


def test_missing_chromium_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda name: None)
    with pytest.raises(ValueError, match="no Chromium was found"):
        bench.chromium()


def test_a_change_of_the_url_and_what_a_viewer_says_are_told_as_streamlit_reads_them() -> None:
    query = f"left.w=2.5&right.rule=none&view={'1,' * 100}"
    said = BackMsg.FromString(server.rerun(query, "a fragment", {"a viewer": {"w": 2}})).rerun_script
    assert (said.query_string, said.fragment_id) == (query, "a fragment")
    assert [(each.id, json.loads(each.json_value)) for each in said.widget_states.widgets] == [("a viewer", {"w": 2})]


def test_what_streamlit_says_is_heard() -> None:
    for status in ForwardMsg.ScriptFinishedStatus.values():
        finished = server.Heard.of(ForwardMsg(script_finished=status, hash="x" * 300).SerializeToString())
        assert ForwardMsg.ScriptFinishedStatus.Value(finished.ended) == status
    assert {server.OVERTAKEN, server.BROKEN} < set(ForwardMsg.ScriptFinishedStatus.keys())
    message = ForwardMsg()
    message.delta.new_element.exception.message = "no"
    heard = server.Heard.of(message.SerializeToString())
    assert (heard.failed, heard.ended, heard.header) == (True, "", {})
    shown = ForwardMsg()
    shown.delta.fragment_id = "a fragment"
    header = b'{"busy": false}'
    view = shown.delta.new_element.bidi_component
    view.id, view.bytes = "$$ID-abc-viewer", b"TOYV" + len(header).to_bytes(4, "little") + header + b"arrays"
    heard = server.Heard.of(shown.SerializeToString())
    assert (heard.failed, heard.header) == (False, {"busy": False})
    assert (heard.fragment, heard.component) == ("a fragment", "$$ID-abc-viewer")
