"""Pictures of single papers' claims: they draw what is measured, on the distribution that they are about alone."""

from pathlib import Path

import numpy as np
import pytest
from cli_runner import run
from page_runner import FIGURES as PAGE
from page_runner import fine, link, opened
from test_figures import nothing_overlaps

import models
from toy import distributions, ends, figures
from toy.figures import FIGURES, Options, examples
from toy.lab.claims import papers, published
from toy.lab.published.papers import bradley_nakkiran as bradley
from toy.lab.report import pictures

ROOT = Path(__file__).parents[1]
OWN = {name: entry for name, entry in FIGURES.items() if entry.on}
SMALL = Options(n=512, seed=3)


def load(name):
    """Exact densities stand in for networks: what is drawn of them is looked at elsewhere."""
    exact = name if name.startswith("exact:") else f"exact:{name.partition('@')[0].rstrip('0123456789')}"
    return models.load(exact)


@pytest.fixture(scope="module")
def drawn():
    return {name: figures.draw(name, load, SMALL) for name in OWN}


def test_there_is_one_for_each_of_the_four_papers():
    assert list(OWN) == ["powers", "support", "training", "boundary"]
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for name, entry in OWN.items():
        number = entry.source.partition("arXiv:")[2]
        assert f"`python -m toy claims --paper {number}`" in readme or number in readme
        assert f"](docs/figures/{name}.png)" in readme
        assert (ROOT / "docs" / "figures" / f"{name}.png").is_file()
        distributions.of(f"{entry.on}/A")
    assert f"`python -m toy figure {' '.join(OWN)} --out docs/figures`" in readme


def test_the_report_and_the_lab_show_the_way_to_them():
    report = (ROOT / "docs" / "papers.md").read_text(encoding="utf-8")
    for name in OWN:
        assert f"](figures/{name}.png), `python -m toy figure {name}`" in report
    for item in papers().values():
        assert len(pictures(item)) == any(entry.source.split()[-1] in item.source for entry in OWN.values()), item.name
    assert not any(map(pictures, published().values()))


def test_what_is_written_is_apart(drawn):
    for figure in drawn.values():
        nothing_overlaps(figure)
        for ax in figure.axes:
            assert ax.has_data()
            assert ax.get_legend().get_texts()


def lines(ax):
    return {line.get_label(): line.get_xydata().T for line in ax.lines}


def test_samples_lie_on_the_closed_forms_and_these_are_the_claims(drawn):
    found = lines(drawn["powers"].axes[0])
    for way, form in (("DDIM", examples.by_ddim), ("DDPM", examples.by_ddpm)):
        w, variance = found[f"{way}, samples"]
        np.testing.assert_allclose(variance, form(w), rtol=0.25)  # 512 samples, one seed
        assert np.all(np.diff(variance) < 0)
        assert form(np.array(1.0)) == 1
    assert (bradley.FLOW, bradley.TILTED) == (0.25, 0.5)
    weights = np.linspace(1.01, 8, 50)
    assert np.all(examples.by_ddim(weights) < examples.by_ddpm(weights))
    assert np.all(examples.by_ddpm(weights) < examples.gamma_powered(weights))


def test_mass_moves_to_the_end_of_the_support(drawn):
    w, share = lines(drawn["support"].axes[1])["samples"]
    assert share[0] == pytest.approx(0.1, abs=0.05)
    assert np.all(np.diff(share) > 0)
    assert w[-1] == 8
    assert share[-1] > 0.8


def test_weight_helps_the_model_that_mixes_classes_alone(drawn):
    found = lines(drawn["training"].axes[0])
    _, exact = found["exact scores"]
    _, mixed = found["a fifth of other classes in it"]
    assert exact[0] == min(exact)
    assert mixed[0] > min(mixed)


def test_fewer_points_are_near_the_boundary_the_more_weight(drawn):
    shares = [share for _, share in lines(drawn["boundary"].axes[1]).values()]
    assert all(share[0] > 0.99 for share in shares)
    none, two, four = (share.mean() for share in shares)
    assert none > two > four


def test_near_the_boundary_is_where_the_posterior_is_unsure():
    target = "gaussians:classes=2/A"
    known = distributions.of(target).distribution
    middle = known.means.mean(axis=(0, 1))
    assert ends.entangled(middle[None], 0.0, target) == 1
    assert ends.entangled(known.means[0], 0.0, target) == 0
    assert ends.entangled(known.means[0], 10.0, target) == 1


def test_another_distribution_is_refused_in_a_sentence(tmp_path):
    done = run("figure", "powers", "--on", "moons", "--out", tmp_path)
    assert done.exit_code == 2
    assert "powers is about gaussians:classes=2 alone, and not about moons/A" in done.stderr
    assert not list(tmp_path.iterdir())
    assert figures.caption("powers", SMALL)["target"] == "gaussians:classes=2/A"


@pytest.mark.usefixtures("pages")
def test_the_page_has_no_menu_where_no_other_can_be_chosen():
    at = opened(PAGE, figure="support", target="moons/A")
    fine(at)
    assert not any((box.key or "").endswith("target.family") for box in at.selectbox)
    assert any("It is about `segments` alone." in caption.value for caption in at.caption)
    assert "--target" not in next(code.value for code in at.code if "toy figure" in code.value)
    assert "figure" in link(at)
