"""The numbers of the README are those of the tables beside it, and its words about them are so."""

import json
import re
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from toy import compare, cost, tables
from toy.cli.table import PAPER_METHODS
from toy.figures import sweeps
from toy.lab import optima
from toy.lab.claim import ARXIV
from toy.lab.claims import papers, published
from toy.scene import Scene

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
METHODS = {
    "predictor-corrector": "cfg+predictor_corrector",
    "blur guidance": "blur_guidance",
    "temporal score rescaling": "temporal_score_rescaling",
    "ancestral sampling": "cfg+ancestral",
    "adaptive projected guidance": "adaptive_projected_guidance",
    "self-guidance": "self_guidance",
    "autoguidance": "autoguidance",
    "CFG": "cfg",
    "the best weight at every point": "optimal_weight",
}
MOST = 0.13  # of branch TV, in the README's words


@pytest.fixture(scope="module")
def table() -> dict[str, dict[float, tuple[float, ...]]]:
    """By method and strength: outliers, their standard error, branch TV, its standard error."""
    rows = pq.read_table(ROOT / "docs/compare/compare.parquet").to_pylist()
    found: dict[str, dict[float, tuple[float, ...]]] = {}
    outliers, branch_tv = (compare.summary(rows, name) for name in ("outliers", "branch_tv"))
    for method, at in outliers.items():
        its = branch_tv[method]
        values = zip(at["strength"], at["mean"], at["error"], its["mean"], its["error"], strict=True)
        found[method] = {float(strength): tuple(map(float, rest)) for strength, *rest in values}
    return found


def said() -> list[tuple[str, tuple[float, ...]]]:
    """The README's rows: a label, and its four numbers."""
    block = README.partition("| | outliers | branch TV |")[2].partition("\n\n")[0]
    rows = re.findall(r"^\| (.+?) \| ([\d.]+) ± ([\d.]+)% \| ([\d.]+) ± ([\d.]+) \|$", block, re.M)
    return [(label, tuple(map(float, numbers))) for label, *numbers in rows]


def of_label(label: str) -> tuple[str, float | None]:
    """The method of a row, and its strength where it is said."""
    plain = label.removeprefix("behind them: ")
    name = next(name for name in METHODS if plain.startswith(name))
    number = re.search(r"(?:w =|strength) ([\d.]+)", plain)
    return METHODS[name], 1.0 if "no guidance" in plain else float(number[1]) if number else None


def test_rows_are_the_table_s(table):
    assert len(said()) >= 8
    for label, (outliers, error, branch_tv, its_error) in said():
        method, strength = of_label(label)
        at = table[method] if strength is None else {strength: table[method][strength]}
        wanted = [f"{100 * v[0]:.1f} {100 * v[1]:.1f} {v[2]:.3f} {v[3]:.3f}" for v in at.values()]
        assert f"{outliers:.1f} {error:.1f} {branch_tv:.3f} {its_error:.3f}" in wanted, f"{label}: {wanted}"


def test_no_method_beats_in_both_what_the_readme_says_none_does(table):
    points = [
        (v[0], v[2]) for method, at in table.items() if method != "optimal_weight" for v in at.values() if v[2] < MOST
    ]
    for label, _ in said():
        method, strength = of_label(label)
        if method == "optimal_weight":
            continue
        outliers, _, branch_tv, _ = table[method][strength]
        beaten = any(o < outliers and tv < branch_tv for o, tv in points)
        assert beaten == label.startswith("behind them"), label


def test_the_paper_s_methods_take_as_many_scores_as_is_said():
    lines = re.findall(r"^\| ([^|]+) \|(?:[^|]+\|){7} (\d+) \|$", README, re.M)
    assert lines == [(label, str(cost.total(Scene.of(rule, **values)))) for label, rule, values in PAPER_METHODS]


def test_size_of_the_table(table):
    count, strengths, n, seeds = map(
        int, re.search(r"(\d+) methods at (\d+) strengths with (\d+) samples and (\d+) seeds", README).groups()
    )
    assert (count, n, seeds) == (len(table), compare.N, compare.SEEDS)
    assert len(table) == len(compare.methods())
    assert max(map(len, table.values())) == strengths == len(compare.STRENGTHS)


def test_verdicts_are_those_of_the_report():
    claims = json.loads((ROOT / "docs/claims.json").read_text(encoding="utf-8"))["claims"]
    counts = Counter(claim["verdict"] for claim in claims)
    words = r"Of (\d+) claims (\d+) holds?, (\d+) do(?:es)? not and (\d+) (?:is|are) undecided"
    total, hold, fail, undecided = map(int, re.search(words, README).groups())
    assert (hold, fail, undecided) == (counts["holds"], counts["does not hold"], counts["undecided"])
    assert total == len(claims) == len(published())
    assert {claim["name"]: claim["statement"] for claim in claims} == {k: v.statement for k, v in published().items()}


def test_papers_verdicts_are_those_of_their_report():
    found = json.loads((ROOT / "docs/papers.json").read_text(encoding="utf-8"))["claims"]
    own = [item for item in found if item["name"] in papers()]
    counts = Counter(item["verdict"] for item in own)
    words = r"Of (\d+) verdicts (\d+) (?:are|is) that it holds, (\d+) that it does not, (\d+) (?:are|is) undecided"
    total, *said = map(int, re.search(words, README).groups())
    assert said == [counts["holds"], counts["does not hold"], counts["undecided"]]
    assert total == len(own) == sum(len(item.on) for item in papers().values())
    files = {item.function.__module__ for item in papers().values()}
    count = {9: "Nine", 10: "Ten"}[len(files)]
    assert f"**{count} papers on their own distributions.**" in README
    assert {item["name"]: item["statement"] for item in own} == {k: v.statement for k, v in papers().items()}


def test_what_is_said_of_single_papers_is_what_their_report_has():
    found = json.loads((ROOT / "docs/papers.json").read_text(encoding="utf-8"))["claims"]
    part = {(item["name"], part["part"]): part["mean"] for item in found for part in item["parts"]}
    words = " ".join(README.split())
    traded = {name[1]: mean for name, mean in part.items() if name[0] == "guidance_trades_variation_for_confidence"}
    assert f"CFG at w = 2 is surer of the class by {traded['surer, w = 2 over none']:.2f}" in words
    assert f"leaves {1 - traded['smaller, w = 2 over none']:.0%} of the area" in words
    assert f"w = 4 leaves {1 - traded['smaller, w = 4 over w = 2']:.0%} of that" in words
    smaller = part["classifier_scale_trades_diversity_for_fidelity", "in a smaller area"]
    assert f"a classifier's gradient times 4 leaves {1 - smaller:.0%}" in words
    low, high = ("cfg_overshoots_in_low_dimension", "distortions_of_cfg_vanish_in_high_dimension")
    mean, lost = (part[low, name] for name in ("overshoot of the mean", "loss of variance"))
    assert f"puts the mean {mean:.2f} standard deviations too far and loses {lost:.0%} of the variance" in words
    mean, lost = (part[high, name] for name in ("overshoot of the mean", "loss of variance"))
    assert f"20 standard deviations apart, {mean:.3f} and {lost:.0%}" in words
    rescaled = {k[1]: v for k, v in part.items() if k[0] == "rescaling_in_time_sharpens_modes_and_keeps_their_weights"}
    assert f"to {rescaled['variance of the closed form']:.0%}, and keeps their weights" in words
    assert f"where CFG moves {rescaled['weights distorted by CFG']:.0%} of the samples" in words
    gaussian = {k[1]: v for k, v in part.items() if k[0] == "characteristic_guidance_samples_the_tilted_gaussian"}
    assert (
        f"to {gaussian['characteristic']:.0%}, where CFG's flow has {1 + gaussian['control: CFG']:.0%} of it" in words
    )


def test_what_is_said_of_variants_is_what_the_report_has():
    claims = json.loads((ROOT / "docs/claims.json").read_text(encoding="utf-8"))["claims"]
    part = {(claim["name"], part["part"]): part["mean"] for claim in claims for part in claim["parts"]}
    words = " ".join(README.split())
    rising = {name[1]: mean for name, mean in part.items() if name[0] == "rising_weights_beat_constant_ones"}
    assert f"beat a constant one by {rising['linear']:.2f} and {rising['cosine']:.2f} nats" in words
    assert f"those that fall lose {rising['constant over decreasing']:.2f}" in words
    noise = "guidance_harms_at_high_noise_and_is_unnecessary_at_low"
    assert part[noise, "most of the harm"] > 0.99
    assert "does all of the harm" in words
    assert abs(part[noise, "unnecessary at low noise, branch TV"]) < 1e-4
    assert part["weights_that_peak_in_the_middle_improve_on_constant_ones", "diversity"] < 0
    keep = ("annealing_the_condition_restores_diversity", "gibbs_like_refinement_keeps_diversity",
            "feedback_keeps_diversity", "projected_guidance_keeps_diversity_at_high_scales")  # fmt: skip
    kept = [part[name, "diversity"] for name in keep]
    assert f"keep {min(kept):.2f} to {max(kept):.2f} of the branch TV that CFG costs" in words
    assert f"at λ = 0.2 keeps {part['cfg_plus_plus_reduces_mode_collapse', 'λ = 0.2, w = 2']:.3f}" in words
    long = "the_parallel_component_oversaturates"
    assert f"makes samples {part[long, 'CFG lengthens']:.0%} longer is all due" in words
    assert part[long, "most is of the parallel part"] > 1
    ended = "ending_guidance_at_agreement_saves_a_quarter"
    assert f"spares {part[ended, 'evaluations saved']:.0%} of the evaluations" in words
    assert f"branch TV is {-part[ended, 'branch TV']:.2f} smaller" in words
    label = part["an_independent_label_guides_as_an_unconditional_model_does", "outliers"]
    assert f"it drives {label:.0%} of the samples off the data" in words
    damped, scaled = (part[key] for key in (
        ("tangential_damping_improves_on_cfg", ""),
        ("a_fitted_scale_improves_on_cfg", "scale alone"),
    ))  # fmt: skip
    back = part["characteristic_guidance_restores_what_cfg_drops", ""]
    assert f"Tangential damping brings CFG {damped:.2f} nats nearer to the truth" in words
    assert f"the fitted scale of CFG-Zero* takes it {-scaled:.2f} away" in words
    assert f"characteristic guidance gives back {back:.0%} of the root branch" in words


def test_so_many_claims_of_so_many_papers():
    every = published() | papers()
    sources = {number for item in every.values() for number in ARXIV.findall(item.source)}
    assert f"there are {len(every)} claims of {len(sources)} papers" in " ".join(README.split())


def test_distributions_on_which_a_claim_holds_are_those_of_the_report():
    found = json.loads((ROOT / "docs/claims_by_distribution.json").read_text(encoding="utf-8"))["claims"]
    verdicts = {(item["name"], item["on"]): item["verdict"] for item in found}
    rows = re.findall(r"^\| `(\w+)` \| (.+) \|$", README, re.M)
    assert len(rows) == len({name for name, _ in verdicts})
    places = re.search(r"^\| \| (tree \| .+) \|$", README, re.M)[1].split(" | ")
    assert set(places) == {item["on"] for item in found}
    for name, cells in rows:
        assert cells.split(" | ") == [verdicts.get((name, on), "–") for on in places]


def test_what_is_said_of_networks_elsewhere_is_what_their_report_has():
    found = json.loads((ROOT / "docs/claims_elsewhere.json").read_text(encoding="utf-8"))
    words = " ".join(README.split())
    counts = Counter(item["verdict"] for item in found["claims"])
    rest = f"{counts['undecided']} are undecided, {counts['nothing to gain']} has nothing to gain."
    assert sum(counts[one] for one in ("holds", "does not hold", "undecided", "nothing to gain")) == len(
        found["claims"]
    )
    said = f"{counts['holds']} of {len(found['claims'])} hold, {counts['does not hold']} do not, {rest}"
    assert said in words
    part = {(each["on"], each["name"], one["part"]): one for each in found["claims"] for one in each["parts"]}
    lowers, means = "autoguidance_lowers_outliers_and_keeps_branches", []
    for on in ("moons", "spiral"):
        assert part[on, "small_models_make_outliers", ""]["verdict"] == "does not hold"
        assert part[on, lowers, "fewer outliers"]["high"] < 0.01
        assert part[on, "autoguidance_improves_the_distribution", ""]["high"] < 0
        assert f"--on {on} --learned --quick" in words
        keys = (
            ("small_models_make_outliers", ""),
            (lowers, "smaller branch TV than CFG"),
            ("limited_interval_recovers_diversity", "branch TV recovered"),
        )
        means.append([part[on, *key]["mean"] for key in keys])
    (more, kept, back), (its_more, its_kept, its_back) = means
    within = 100 * max(abs(more), abs(its_more))
    assert f"its share of outliers is the exact score's to within {within:.2f} percentage points" in words
    assert f"CFG costs {kept:.3f} and {its_kept:.3f} more branch TV than autoguidance there too" in words
    assert f"a limited interval gives back {back:.3f} and {its_back:.3f}." in words
    assert {on for on, _, _ in part} == {"moons", "spiral"}


def test_the_interval_of_autoguidance_s_gain_is_the_report_s():
    claims = json.loads((ROOT / "docs/claims.json").read_text(encoding="utf-8"))["claims"]
    parts = [part for claim in claims for part in claim["parts"]]
    mean, low, high = map(float, re.search(r"\((-?[\d.]+), 95% interval (-?[\d.]+) to (-?[\d.]+)\)", README).groups())
    assert any([round(part[name], 3) for name in ("mean", "low", "high")] == [mean, low, high] for part in parts)


def test_what_is_said_of_claims_is_what_the_report_has():
    claims = json.loads((ROOT / "docs/claims.json").read_text(encoding="utf-8"))
    means = {(claim["name"], part["part"]): part["mean"] for claim in claims["claims"] for part in claim["parts"]}
    known = claims["conditions"]
    words = " ".join(README.split())
    assert f"its branch TV is {means['autoguidance_does_not_reduce_diversity', '']:.2f} larger" in words
    raised = means["ratio_pulls_outliers_towards_the_data", "most are raised"]
    assert f"it raises the true density for {raised:.0%} of it" in words
    assert means["cfg_eliminates_outliers", ""] < 0
    assert "there are more of them" in words
    assert f"measured in {known['seconds'] / 60:.0f} minutes" in words
    numbers = {2: "two", 5: "five", 8: "eight"}
    mains, guides, draws = (
        numbers[known[k]] for k in ("seeds with training", "guides of each", "seeds of exact claims")
    )
    assert f"{mains} main models with {guides} guides each, {draws} draws of exact scores" in words


def test_what_a_pull_is_made_of_is_the_report_s():
    found = json.loads((ROOT / "docs/mechanism.json").read_text(encoding="utf-8"))
    words, pulls = " ".join(README.split()), {who: found[who] for who in ("guide", "placebo")}
    for pull in pulls.values():
        due = np.array(pull["due_to_task"])
        low, high = (f"{100 * each.mean():.1f} ± {100 * each.std(ddof=1) / len(due) ** 0.5:.1f}%" for each in due.T)
        assert f"{low} of the pull of CFG's guide AB32@512 below σ = 0.07 and {high} above" in words or (
            f"has {low} and {high}" in words
        )
    assert found["cast"]["guide"] == "AB32@512"
    assert f"over {found['trainings']} trainings" in " ".join(found["words"])
    sigma = float(re.search(r"At σ = ([\d.]+) the quality part of the pull", words)[1])
    i = int(np.argmin(np.abs(np.array(pulls["guide"]["sigmas"]) - sigma)))
    for part, form in (("quality", "(cosine {} ± {})"), ("task", "({} ± {})")):
        values = (pulls["guide"][kind][f"{part}_cosine"][i] for kind in ("values", "errors"))
        assert form.format(*(f"{value:.3f}" for value in values)) in words


def test_the_paper_s_table_is_the_report_s():
    report = (ROOT / "docs/table.md").read_text(encoding="utf-8")
    rows = [line for line in report.splitlines() if line.startswith("|")]
    assert len(rows) > 9
    assert "\n".join(rows) in README
    assert re.search(r"^`(python -m toy table --trainings \d+ --out docs/table.md)`", report, re.M)[1] in README


def test_what_schedules_do_elsewhere_is_the_report_s():
    words = " ".join(README.split())
    for name, form in (
        ("cfg", "for CFG by {} (95% interval {} to {})"),
        ("autoguidance", "for autoguidance by {} ({} to {})"),
    ):
        found = optima.read(ROOT / f"docs/optimum/{name}-quality.json")
        assert form.format(*(f"{value:.2g}" for value in found.elsewhere)) in words
        assert f"docs/optimum --trainings {len(found.others['optimum']['outliers'])}`" in words


def test_what_matching_degradations_do_is_the_table_s():
    words, means = " ".join(README.split()), {}
    for row in tables.read_csv(ROOT / "docs/sweeps/degradations.csv"):
        means.setdefault((row["main"].partition("~")[2] or row["main"], row["guide"], row["w"]), []).append(row["sw1"])

    def cell(main: str, guide: str, w: float, digits: int) -> str:
        values = np.array(means[main, guide, w])
        return f"{values.mean():.{digits}f} ± {values.std(ddof=1) / len(values) ** 0.5:.{digits}f}"

    def best(main: str, guide: str) -> float:
        return min((np.mean(v), w) for (m, g, w), v in means.items() if (m, g) == (main, guide))[1]

    for main, guide, other, w, digits in (
        ("dropout=0.05", "dropout=0.1", "input_noise=0.2", 1.5, 3),
        ("input_noise=0.1", "input_noise=0.2", "dropout=0.1", 2, 4),
    ):
        assert f"from {cell(main, guide, 1, digits)} to {cell(main, guide, w, digits)}" in words
        assert (best(main, guide), best(main, other)) == (w, 1)


def test_what_makes_a_good_guide_is_the_map_s():
    rows, axes = tables.read_csv(ROOT / "docs/sweeps/guide_map.csv"), ("width", "iterations", "training_seed", "w")
    table, _ = sweeps.heat(rows, "iterations", "width", "w", "outliers")
    ties = sweeps.tied(rows, "iterations", "width", "w", "outliers", axes)
    widths, iterations = (sweeps.distinct(rows, axis) for axis in axes[:2])
    words = " ".join(README.split())

    def at(width: int, count: int) -> tuple[int, int]:
        return widths.index(width), iterations.index(count)

    assert table.argmin() == np.ravel_multi_index(at(64, 512), table.shape)
    assert f"an eighth as long: {table.min():.1%} outliers, {table[at(64, 4096)]:.0%} without guidance" in words
    assert f"{ties.sum()} other sizes are not told from it" in words
    assert ties[at(16, 4096)]
    assert f"at full training ({table[at(16, 4096)]:.1%})" in words
    assert f"leaves {table[at(32, 512)]:.1%}." in words
    assert f"{len(rows)} trials" in words
