"""The command line: ``python -m toy``."""

if __name__ == "__main__":  # the door, before anything that is slow to import
    from toy import door

    door.enter("toy.__main__", "toy")

import json
import shlex
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click
import numpy as np

from toy import door, interrupts, memory
from toy.files import check_writable, keep_compiled, replacing
from toy.guidance import RULES
from toy.lab.commands import claims as claims_command
from toy.lab.commands import optimise as optimise_command
from toy.lab.commands import sweep as sweep_command
from toy.names import Name
from toy.registry import Entry, Knob
from toy.sampling import INTEGRATORS
from toy.scenes import ROLE_DEFAULTS, SETTINGS, STARTS, Scene
from toy.schedules import SCHEDULES

ROLES = tuple(dict.fromkeys(role for rule in RULES.values() for role in rule.roles))
# Rules may share a knob's name; what they allow may differ, and the Scene knows.
KNOBS: dict[str, dict[str, Knob]] = {}
for _registry in (RULES, SCHEDULES, INTEGRATORS):
    for _entry in _registry.values():
        for _name, _knob in _entry.knobs.items():
            KNOBS.setdefault(_name, {})[_entry.name] = _knob


FOLDED = {name for name in KNOBS if name.startswith("share") and name != "share1"}  # as share1, for the steps after it


@click.group(cls=door.Group, context_settings=door.HELP)
@click.version_option(package_name=None, version="0.1.0", prog_name="toy")
def main() -> None:
    """See, test and settle how guidance steers diffusion models, on the fractal 2D toy of arXiv:2406.02507.

    \b
    python -m toy figure all --out out/figures
    python -m toy metrics --rule autoguidance --w 3 --json
    python -m toy sample --rule cfg --w 4 --n 4096 --out samples.npz
    """
    keep_compiled()


def _decorate(command: Callable, options: list[Callable]) -> Callable:
    for option in reversed(options):
        command = option(command)
    return command


def cast_options(command: Callable) -> Callable:
    """One flag a role."""
    return _decorate(
        command,
        [
            click.option(
                f"--{role}",
                metavar="DENSITY",
                help=f"density in the role '{role}' [{ROLE_DEFAULTS.get(role, 'exact:A')}]",
            )
            for role in ROLES
        ],
    )


def knob_options(command: Callable) -> Callable:
    """One flag a knob of any rule, schedule or integrator."""
    return _decorate(
        command,
        [
            click.option(
                f"--{name.replace('_', '-')}", name, metavar="NUMBER", help=_help(knobs), hidden=name in FOLDED
            )
            for name, knobs in KNOBS.items()
        ],
    )


def _help(knobs: dict[str, Knob]) -> str:
    """What a flag means, for every rule that means something else by it."""
    meanings: dict[str, list[str]] = {}
    for owner, knob in knobs.items():
        meanings.setdefault(f"{knob.help}, {knob.lo:g} to {knob.hi:g}", []).append(owner)
    if len(meanings) == 1:
        return next(iter(meanings)) + ("; --share2 to --share32 likewise" if "free" in knobs else "")
    return "; ".join(f"{', '.join(owners)}: {words}" for words, owners in meanings.items())


def scene_options(command: Callable) -> Callable:
    """All flags of a Scene; values are checked by the Scene, so that every door has the same words."""
    settings = [
        click.option(f"--{name.replace('_', '-')}", name, metavar="NUMBER", help=f"{knob.help} [{knob.default:g}]")
        for name, knob in SETTINGS.items()
    ]
    choices = [
        click.option("--rule", default="none", metavar="RULE", help=f"one of: {', '.join(RULES)} [none]"),
        click.option("--schedule", metavar="NAME", help=f"one of: {', '.join(SCHEDULES)} [constant]"),
        click.option("--integrator", metavar="NAME", help=f"one of: {', '.join(INTEGRATORS)} [heun]"),
        click.option(
            "--target",
            metavar="CLASS",
            help="class that the samples are measured against, and whose the usual densities are: A, B or AB [A]",
        ),
        click.option("--start", metavar="NAME", help=f"distribution of the initial noise: {', '.join(STARTS)} [exact]"),
    ]
    return _decorate(cast_options(knob_options(_decorate(command, settings))), choices)


def scene_of(rule: str, **flags: str | None) -> Scene:
    """The Scene of the given flags; those that were not given take their defaults."""
    return Scene.of(rule, **{name: value for name, value in flags.items() if value is not None})


def frame_of(scene: Scene, **options: Any) -> Any:
    """Load the cast and compute."""
    import models
    from toy.scenes import compute

    memory.check(scene, keep=options.get("keep", True))
    return compute(scene, models.cast(scene.cast), **options)


@main.command()
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@click.option("--out", default="out/figures", show_default=True, metavar="DIR", help="folder to write to")
@click.option("--format", "kind", default="png", show_default=True, help="png, pdf or svg")
@click.option("--view", metavar="VIEW", help="tree, closeup, tree-B, closeup-B, both, or X,Y,HALF [the figure's own]")
@click.option("--sigma", metavar="NUMBER", help="noise level of figure 2 [0.03]")
@click.option("--target", metavar="CLASS", help="class that is drawn: A, B or AB [A]")
@click.option("--link", metavar="LINK", help="what explore draws: a link to the app, or what follows its '?'")
@click.option("--dark", is_flag=True, help="explore on a dark page")
@click.option("--spec", metavar="FILE", help="the .toml file of the sweep that sweep draws")
@click.option("--store", metavar="FILE", help="where its results are [out/sweeps/SPEC.sqlite]")
@click.option("--n", metavar="NUMBER", help="number of samples [16384]")
@click.option("--seed", metavar="NUMBER", help="seed of the initial noise [0]")
@click.option("--steps", metavar="NUMBER", help="integration steps [32]")
@cast_options
@knob_options
def figure(
    names: tuple[str, ...],
    out: str,
    kind: str,
    link: str | None,
    spec: str | None,
    store: str | None,
    dark: bool,
    **flags: str | None,
) -> None:
    """Draw the paper's figures: fig1, fig2, fig9, overview, or all; or explore, what a link to the app shows; or sweep.

    \b
    python -m toy figure all
    python -m toy figure fig1 --format pdf --w 2 --main exact:A
    python -m toy figure explore --link 'left.w=3&right.rule=cfg'
    python -m toy figure sweep --spec docs/sweeps/example.toml
    """
    import models
    from toy import figures

    if "sweep" in names:
        others = [name for name in names if name != "sweep"]
        others += [f"--{name}" for name, value in {"link": link, **flags}.items() if value is not None]
        if others:
            raise ValueError(f"{others[0]} does not go with sweep: its spec says all of what it draws")
        click.echo(draw_sweep(Path(out), kind, spec, store))
        return
    if spec is not None or store is not None:
        raise ValueError(f"--{'spec' if spec else 'store'} goes with sweep, not with {', '.join(names)}")
    if "explore" in names:
        click.echo(explore(names, Path(out) / f"explore.{kind}", link or "", flags, dark))
        return
    if link is not None or dark:
        raise ValueError(f"--{'dark' if dark else 'link'} goes with explore, not with {', '.join(names)}")
    options = figure_options(flags)
    sizes = {name: flags[name] for name in ("n", "steps") if flags[name] is not None}
    memory.check(Scene.of("none", **sizes), keep=True)
    chosen = list(figures.FIGURES) if "all" in names else list(names)
    for name in chosen:
        figures.check(name, kind)
    models.cast(options.cast)  # before the first figure is drawn
    paths = [Path(out) / f"{name}.{kind}" for name in chosen]
    check_writable(*paths)
    with click.progressbar(chosen, label="figures", item_show_func=lambda n: n or "", file=sys.stderr) as bar:
        for name, path in zip(bar, paths, strict=True):
            figures.save(figures.draw(name, models.load, options), path, caption=figures.caption(name, options))
            click.echo(path)
            interrupts.keeps(f"the figures that were drawn are kept in {out}.")


def draw_sweep(folder: Path, kind: str, spec: str | None, store: str | None) -> Path:
    """Write the figure of what a sweep measured so far; returns the path."""
    from toy import figures
    from toy.lab import sweep

    if spec is None:
        raise ValueError("sweep needs --spec FILE.toml: the sweep that is drawn")
    figures.check_format(kind)
    wanted, path = sweep.read(spec), folder / f"{Path(spec).stem}.{kind}"
    check_writable(path)
    drawn = sweep.figure_of(wanted, store or sweep.default_store(spec))
    return figures.save(drawn, path, caption={"title": wanted.title, "spec": Path(spec).name})


def explore(names: tuple[str, ...], path: Path, link: str, flags: dict[str, str | None], dark: bool) -> Path:
    """Write the figure that the Explore page of ``link`` offers to download; returns the path."""
    from toy.figures import check_format
    from toy.state import figure, of_link

    others = [name for name in names if name != "explore"] + [f"--{k}" for k, v in flags.items() if v is not None]
    if others:
        raise ValueError(f"{others[0]} does not go with explore: the link says all of what it draws")
    state, kind = of_link(link), path.suffix.removeprefix(".")
    check_format(kind)
    check_writable(path)
    data = figure(state, kind, dark=dark)
    with replacing(path) as temporary:
        temporary.write_bytes(data)
    return path


def figure_options(flags: dict[str, str | None]) -> Any:
    """The figures' Options of the given flags, checked."""
    from toy import fractal
    from toy.figures import Options
    from toy.scenes import view_of

    given = {name: value for name, value in flags.items() if value is not None}
    values: dict[str, Any] = {"cast": tuple((role, given.pop(role)) for role in ROLES if role in given)}
    values["knobs"] = {
        name: next(iter(knobs.values())).check(given.pop(name)) for name, knobs in KNOBS.items() if name in given
    }
    if "view" in given:
        values["view"] = view_of(given.pop("view"))
    if "sigma" in given:
        values["sigma"] = noise_level(given.pop("sigma"))
    target = given.pop("target", "A")
    fractal.branches().of(target)
    for name, value in given.items():
        values[name] = int(SETTINGS[name].check(value))
    return Options(target=target, **values)


def noise_level(text: str, *, lo: float = 1e-3) -> float:
    """A noise level from text; ValueError names the range."""
    try:
        sigma = float(text)
    except ValueError:
        sigma = float("nan")
    if not lo <= sigma <= 100:
        raise ValueError(f"sigma = {text} is not a number from {lo:g} to 100")
    return sigma


@main.command()
@click.option("--classes", default="A", show_default=True, help="A, B or AB")
@click.option("--width", default=64, show_default=True, type=int)
@click.option("--depth", default=4, show_default=True, type=int, help="hidden layers")
@click.option("--iters", default=4096, show_default=True, type=int, help="iterations")
@click.option("--batch", default=4096, show_default=True, type=int, help="points in a batch")
@click.option("--seed", default=0, show_default=True, type=int, help="seed of the weights and the data stream")
@click.option("--loss", default="exact", show_default=True, help="exact (the true score) or denoising")
@click.option("--out", metavar="FILE", help="the .safetensors file to write")
@click.option("--grid", metavar="GRID", help="train all of a grid, as few programs as possible: a .toml file or words")
def train(
    classes: str,
    width: int,
    depth: int,
    iters: int,
    batch: int,
    seed: int,
    loss: str,
    out: str | None,
    grid: str | None,
) -> None:
    """Train a denoiser, or a grid of them. Interrupted, the same command goes on from its last snapshot.

    The networks of a grid are kept where their names are looked up, and the names are printed.

    \b
    python -m toy train --classes A --width 32 --iters 512 --out A32.safetensors
    python -m toy train --grid 'width=8,16,32 iterations=256,512 seed=0,1,2 data_seed=0'
    """
    from models import zoo
    from models.mlp import Spec
    from models.training import Recipe

    if grid is not None:
        if out is not None:
            raise ValueError(f"--out {out!r} does not go with --grid: its networks are kept under their names")
        shared = {"classes": classes, "width": width, "depth": depth, "iterations": iters}
        given = click.get_current_context().get_parameter_source
        flags = {{"iters": "iterations"}.get(name, name): name for name in TRAINED if given(name) is COMMANDLINE}
        train_grid(grid, flags, **shared, batch=batch, seed=seed, loss=loss)
        return
    if out is None:
        raise ValueError("a training needs --out FILE.safetensors, or --grid")
    if not out.endswith(".safetensors"):
        raise ValueError(f"--out {out!r} does not end in .safetensors")
    recipe = Recipe(Spec(classes, width, depth), iterations=iters, seed=seed, batch=batch, loss=loss)
    command = (
        f"python -m toy train --classes {classes} --width {width} --depth {depth} --iters {iters}"
        f" --batch {batch} --seed {seed} --loss {loss}"
    )
    interrupts.keeps(f"the training is kept beside {out}; the same command goes on from its last snapshot.")
    with click.progressbar(length=iters, label=f"training {classes}{width}", file=sys.stderr) as bar:

        def report(step: int, losses: np.ndarray) -> None:
            bar.label = f"training {classes}{width}" + (f", loss {losses.mean():.4f}" if len(losses) else "")
            bar.update(step - bar.pos)

        click.echo(zoo.train(recipe, out, command=command, report=report))


TRAINED = ("classes", "width", "depth", "iters", "batch", "seed", "loss")
COMMANDLINE = click.core.ParameterSource.COMMANDLINE


def train_grid(grid: str, flags: dict[str, str], **shared: Any) -> None:
    """Train all networks of a grid and print their names, or their files where a name does not say all of them.

    ``flags`` are those that were given, by the name of what they set: what is an axis of the grid has no one value.
    """
    from models import ensemble, zoo

    axes = ensemble.axes_of(grid)
    for name, flag in flags.items():
        if name in axes:
            raise ValueError(f"--{flag} does not go with --grid {grid!r}, which has an axis {name!r}")
    recipes = ensemble.grid(axes, **shared)
    interrupts.keeps("what was trained is kept; the same command goes on from the last snapshots.")
    with click.progressbar(length=1, label=f"training {len(recipes)} networks", file=sys.stderr) as bar:

        def report(done: int, total: int) -> None:
            bar.length = total
            bar.update(done - bar.pos)

        paths = zoo.train_many(recipes, command=f"python -m toy train --grid {shlex.quote(grid)}", report=report)
    for recipe, path in zip(recipes, paths, strict=True):
        click.echo(zoo.name_of(recipe) or path)


@main.command()
@click.option("--out", required=True, metavar="FILE", help="the .npz or .csv file to write")
@click.option("--path/--no-path", default=False, help="keep the whole trajectory (npz only)")
@scene_options
def sample(out: str, path: bool, **flags: Any) -> None:
    """Draw samples and write them with the scene that made them.

    \b
    python -m toy sample --rule autoguidance --weak A32@512 --w 3 --n 4096 --out samples.npz
    """
    suffix = Path(out).suffix
    if suffix not in (".npz", ".csv"):
        raise ValueError(f"--out {out!r} does not end in .npz or .csv")
    if path and suffix == ".csv":
        raise ValueError(f"--path does not go with {out!r}: a trajectory is written to .npz only")
    scene = scene_of(**flags)
    check_writable(out)
    points, logp = drawn(scene, keep=path)
    with replacing(out) as temporary:
        if suffix == ".csv":
            np.savetxt(
                temporary,
                np.column_stack([points[-1], logp]),
                delimiter=",",
                header="x,y,true_logp",
                comments="",
            )
        else:
            arrays: dict[str, Any] = {"samples": points[-1], "logp": logp, "sigmas": scene.sigmas()}
            if path:
                arrays["path"] = points
            np.savez_compressed(temporary, **arrays, scene=json.dumps(scene.flat()))
    click.echo(out)


def drawn(scene: Scene, *, keep: bool) -> tuple[np.ndarray, np.ndarray]:
    """The path [steps + 1, n, 2], or its end [1, n, 2], and the true log-density [n] there; nothing is measured."""
    import models
    from toy import fractal, scenes

    cast = models.cast(scene.cast)
    memory.check(scene, keep=keep)
    path = scenes.sample(scene, cast, keep=keep)
    return np.asarray(path), np.asarray(scenes.logp_on(fractal.mixture(scene.target), path[-1], np.float32(0)))


@main.command()
@click.option("--json", "as_json", is_flag=True, help="print one JSON object")
@click.option("--seeds", metavar="NUMBER", help="measure with this many seeds, 2 to 100, and give standard errors")
@click.option("--logq", is_flag=True, help="give KL(q || p) and entropy of the density that the sampler itself draws")
@scene_options
def metrics(as_json: bool, seeds: str | None, logq: bool, **flags: Any) -> None:
    """Measure samples against the exact distribution, beside the noise floor of true samples.

    \b
    python -m toy metrics --rule cfg --w 4 --json
    python -m toy metrics --main exact:A --n 4096 --seeds 5
    python -m toy metrics --rule cfg --w 4 --main exact:A --unconditional exact:AB --n 4096 --logq
    """
    from toy.metrics import METRICS

    scene = scene_of(**flags)
    if seeds is not None and logq:
        raise ValueError("--seeds does not go with --logq, which gives its own standard errors")
    if seeds is not None:
        _over_seeds(scene, whole(seeds, "seeds", 2, 100), as_json)
        return
    if logq:
        _log_q(scene, as_json)
        return
    frame = frame_of(scene, keep=False)
    if as_json:
        click.echo(json.dumps(_finite({**frame.metrics, "floor": frame.floor, "scene": scene.flat()}), indent=2))
        return
    click.echo(f"{'':16}{'measured':>10}{'true samples':>14}")
    for name, value in frame.metrics.items():
        if not isinstance(value, list):
            click.echo(f"{name:16}{value:10.4f}{frame.floor[name]:14.4f}  {METRICS[name].summary}")


def whole(text: str, name: str, lo: int, hi: int) -> int:
    """A whole number from text; ValueError names the range."""
    if not (text.isdecimal() and len(text) < 20 and lo <= int(text) <= hi):
        raise ValueError(f"{name} = {text} is not a whole number from {lo} to {hi}")
    return int(text)


def _over_seeds(scene: Scene, seeds: int, as_json: bool) -> None:
    import models
    from toy.metrics import METRICS, floor
    from toy.scenes import over_seeds

    memory.check(scene, seeds=seeds)
    spread = over_seeds(scene, models.cast(scene.cast), seeds)
    mean, error, true = spread.mean, spread.error, floor(scene.target, scene.n)
    if as_json:
        rows = {name: {"mean": mean[name].tolist(), "error": error[name].tolist()} for name in mean}
        click.echo(json.dumps(_finite({**rows, "floor": true, "seeds": seeds, "scene": scene.flat()}), indent=2))
        return
    click.echo(f"{'':16}{'mean':>10}{'std error':>11}{'true samples':>14}")
    for name in mean:
        if mean[name].ndim == 0:
            summary = METRICS[name].summary
            click.echo(f"{name:16}{mean[name]:10.4f}{error[name]:11.4f}{true[name]:14.4f}  {summary}")


LOG_Q = {
    "kl_truth": "KL(q || p): nats by which the sampler's density differs from the truth",
    "entropy": "entropy of q, nats",
    "kl_tilt": "KL(q || tilt): nats from the normalised tilted density that the rule's formula stands for",
}


def _log_q(scene: Scene, as_json: bool) -> None:
    import models
    from toy.flows import flow

    memory.check(scene, times=3)  # the points and two tangents
    found = flow(scene, models.cast(scene.cast)).summary()
    if as_json:
        click.echo(json.dumps(_finite({**found, "scene": scene.flat()}), indent=2))
        return
    click.echo(f"{'':16}{'mean':>10}{'std error':>11}")
    for name, words in LOG_Q.items():
        if name in found:
            click.echo(f"{name:16}{found[name]:10.4f}{found[f'{name}_error']:11.4f}  {words}")


@main.command()
@click.option("--methods", default="all", show_default=True, metavar="NAMES", help="names by commas, or all")
@click.option("--strengths", metavar="NUMBERS", help="by commas, 0 to 8: 1 is no guidance [1,1.5,...,4]")
@click.option("--n", default="4096", show_default=True, metavar="NUMBER", help="number of samples")
@click.option("--seeds", default="5", show_default=True, metavar="NUMBER", help="seeds of every trial")
@click.option(
    "--scores",
    default="learned",
    show_default=True,
    metavar="NAME",
    help="exact, exact-main, exact-guides: "
    "the exact densities in place of networks in all roles, in main, in the others",
)
@click.option("--out", default="out/compare.csv", show_default=True, metavar="FILE", help="the .csv file to write")
def compare(methods: str, strengths: str | None, n: str, seeds: str, scores: str, out: str) -> None:
    """Measure many methods over strengths and seeds; a table as CSV and Parquet, and a figure beside it.

    Interrupted, the same command goes on where it was.

    \b
    python -m toy compare --out out/compare.csv
    python -m toy compare --methods cfg,autoguidance,cfg+interval --n 1024 --seeds 3
    python -m toy compare --methods cfg,negative_prompt --scores exact
    """
    import models
    from toy import figures
    from toy.compare import STRENGTHS, Trial, chosen, run, trials

    if not out.endswith(".csv"):
        raise ValueError(f"--out {out!r} does not end in .csv")
    levels = STRENGTHS if strengths is None else tuple(_strength(text) for text in strengths.split(","))
    count = whole(seeds, "seeds", 1, 100)
    wanted = trials(chosen(methods), levels, n=whole(n, "n", 1, 2**20), seeds=count, scores=scores)
    for name in {name for trial in wanted for _, name in trial.scene.cast}:
        models.load(name)  # before the first trial is measured
    for trial in wanted:
        memory.check(trial.scene, seeds=trial.seeds)
    picture = Path(out).with_suffix(".png")
    check_writable(out, Path(out).with_suffix(".parquet"), picture)
    interrupts.keeps(f"what was measured is kept in {out}; the same command goes on from there.")
    with click.progressbar(length=len(wanted), label="comparing", file=sys.stderr) as bar:

        def report(trial: Trial, computed: bool) -> None:
            bar.label = f"comparing {trial.method.name} at {trial.strength:g}"
            bar.update(1)

        rows = run(wanted, models.cast, out, report=report)
    figures.save(figures.compare_figure(rows), picture, caption={"title": "compare", "methods": methods})
    for path in (Path(out), Path(out).with_suffix(".parquet"), picture):
        click.echo(path)


def _strength(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not 0 <= value <= 8:
        raise ValueError(f"strength {text!r} is not a number from 0 to 8")
    return value


PAPER_METHODS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("exact score, no guidance", "none", {"main": "exact:A"}),
    ("no guidance", "none", {}),
    ("autoguidance, w = 2", "autoguidance", {"w": 2}),
    ("autoguidance, w = 3", "autoguidance", {"w": 3}),
    ("CFG, w = 2", "cfg", {"w": 2}),
    ("CFG, w = 4", "cfg", {"w": 4}),
    ("naive truncation, 1.4", "naive_truncation", {"gamma": 1.4}),
    ("guide alone", "none", {"main": "A32@512"}),
    ("exact scores, CFG, w = 4", "cfg", {"w": 4, "main": "exact:A", "unconditional": "exact:AB"}),
)


@main.command()
@click.option("--n", default="16384", show_default=True, metavar="NUMBER", help="number of samples")
@click.option("--seed", default="0", show_default=True, metavar="NUMBER", help="seed of the initial noise")
def table(n: str, seed: str) -> None:
    """Measure the paper's methods and print a Markdown table.

    \b
    python -m toy table --n 4096
    """
    columns = ("outliers", "deep_tail", "mean_logp", "branch_tv", "root_share", "alignment", "sw1")
    scenes = [(label, Scene.of(rule, n=n, seed=seed, **values)) for label, rule, values in PAPER_METHODS]
    rows = []
    floor: dict[str, Any] = {}
    with click.progressbar(scenes, label="measuring", file=sys.stderr) as bar:
        for label, scene in bar:
            frame = frame_of(scene, keep=False)
            floor = dict(frame.floor)
            rows.append((label, frame.metrics))
    click.echo(f"| | {' | '.join(name.replace('_', ' ') for name in columns)} |\n|---{'|---' * len(columns)}|")
    for label, values in [("true samples (noise floor)", floor), *rows]:
        click.echo(f"| {label} | {' | '.join(_cell(name, values[name]) for name in columns)} |")


def _cell(name: str, value: float) -> str:
    return f"{value:.2%}" if name in ("outliers", "deep_tail", "root_share") else f"{value:.3f}"


def _finite(value: Any) -> Any:
    """JSON has no NaN or infinity: they become null."""
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not np.isfinite(value) else value


@main.command()
@click.option("--density", required=True, metavar="DENSITY", help="exact:A, A64@4096, or a .safetensors file")
@click.option("--sigma", required=True, metavar="NUMBER", help="noise level, 0 to 100 (learned densities: above 0)")
@click.option("--at", "points", required=True, multiple=True, metavar="X,Y", help="a point; repeat for more")
@click.option("--normalise", is_flag=True, help="normalise a learned log-density by quadrature")
@click.option("--json", "as_json", is_flag=True, help="print a JSON list")
def probe(density: str, sigma: str, points: tuple[str, ...], normalise: bool, as_json: bool) -> None:
    """Log-density and score at points; exact densities are evaluated in double precision.

    \b
    python -m toy probe --density exact:A --sigma 0.03 --at 0.45,1.22 --json
    """
    from models import zoo

    exact = Name.parse(density).distribution is not None
    level = noise_level(sigma, lo=0.0 if exact else 1e-3)
    rows = zoo.probe(density, level, np.array([_point(text) for text in points]), normalise=normalise)
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return
    for row in rows:
        note = "" if exact or normalise else "  (log p up to a constant per sigma)"
        s1, s2 = row["score"]
        click.echo(f"({row['x']:g}, {row['y']:g})  log p {row['logp']:.6f}  score {s1:.6f} {s2:.6f}{note}")


def _point(text: str) -> tuple[float, float]:
    try:
        x, y = (float(part) for part in text.split(","))
    except ValueError:
        raise ValueError(f"--at {text!r} is not X,Y, two numbers") from None
    if not (abs(x) <= 1e6 and abs(y) <= 1e6):
        raise ValueError(f"--at {text!r} is not two finite numbers within 1e6 of the origin")
    return x, y


@main.command("list")
@click.option("--json", "as_json", is_flag=True, help="print one JSON object")
def list_(as_json: bool) -> None:
    """List rules, schedules, integrators, degradations, metrics and densities, with knobs, ranges and sources."""
    import models
    from models.degradations import DEGRADATIONS
    from toy.metrics import METRICS

    registries: dict[str, Mapping[str, Entry]] = {
        "rules": RULES,
        "schedules": SCHEDULES,
        "integrators": INTEGRATORS,
        "degradations": DEGRADATIONS,
        "metrics": METRICS,
    }
    if as_json:
        listing: dict[str, Any] = {
            title: [_row(e) for e in registry.values()] for title, registry in registries.items()
        }
        click.echo(json.dumps({**listing, "densities": models.names()}, indent=2, ensure_ascii=False))
        return
    for title, registry in registries.items():
        click.secho(title, bold=True)
        for entry in registry.values():
            knobs = ", ".join(f"{k.name} {k.lo:g}..{k.hi:g} [{k.default:g}]" for k in entry.knobs.values())
            roles = f"({', '.join(entry.roles)})" if registry is RULES else ""
            click.echo(f"  {entry.name}{roles}  {knobs}\n      {entry.summary}  {entry.source}")
    click.secho("densities", bold=True)
    click.echo("  " + "  ".join(models.names()))
    click.echo("  degraded, for example: " + "  ".join(models.zoo.examples()))


def _row(entry: Entry) -> dict[str, Any]:
    knobs = [
        {"name": k.name, "label": k.label, "lo": k.lo, "hi": k.hi, "step": k.step, "default": k.default, "help": k.help}
        for k in entry.knobs.values()
    ]
    row = {
        "name": entry.name,
        "summary": entry.summary,
        "formula": entry.formula,
        "source": entry.source,
        "knobs": knobs,
    }
    return row | ({"roles": list(entry.roles)} if entry.kind == "rule" else {})


@main.command()
@click.option("--json", "as_json", is_flag=True, help="print one JSON object")
@click.option("--app", is_flag=True, help="measure the app in a real Chromium (minutes)")
@click.option("--only", metavar="NAME", help="run one benchmark, of either kind")
def bench(as_json: bool, app: bool, only: str | None) -> None:
    """Measure speed and memory here, as ratios to a yardstick timed in the same run."""
    from toy import bench as benchmarks

    measure = benchmarks.run_app if app else benchmarks.run
    rows = measure(only, report=lambda name: click.echo(name, err=True))
    click.echo(json.dumps(rows, indent=2) if as_json else benchmarks.table(rows))


main.add_command(claims_command.claims)
main.add_command(optimise_command.command(scene_options, scene_of))
main.add_command(sweep_command.sweep)
