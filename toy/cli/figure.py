"""``python -m toy figure``: the paper's figures, and those of other questions."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from toy import interrupts, memory
from toy.cli.flags import KNOBS, ROLES, cast_options, given, knob_options, on_option, option
from toy.files import check_writable, put
from toy.progress import bars, each
from toy.scene import CHOICES, SETTINGS, Scene
from toy.views import SIGMA, VIEW, view_of

if TYPE_CHECKING:
    from toy.figures import Options


@click.command()
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@click.option("--out", default="out/figures", show_default=True, metavar="DIR", help="folder to write to")
@click.option("--format", "kind", default="png", show_default=True, help="png, pdf or svg")
@option(VIEW)
@option(SIGMA)
@on_option
@option(CHOICES["target"])
@click.option("--link", metavar="LINK", help="what explore draws: a link to the app, or what follows its '?'")
@click.option("--dark", is_flag=True, help="explore on a dark page")
@click.option("--spec", metavar="FILE", help="the .toml file of the sweep that sweep draws")
@click.option("--store", metavar="FILE", help="where its results are [out/sweeps/SPEC.sqlite]")
@option(SETTINGS["n"])
@option(SETTINGS["seed"])
@option(SETTINGS["steps"])
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

    powers, support, training and boundary show what other papers claim, on their own distributions.

    \b
    python -m toy figure all
    python -m toy figure fig1 --format pdf --w 2 --main exact:A
    python -m toy figure explore --link 'left.w=3&right.rule=cfg'
    python -m toy figure powers support training boundary
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
    own = [name for name in names if name in figures.FIGURES and figures.FIGURES[name].on]
    if own and options.target != "A":
        raise ValueError(f"{own[0]} is about {figures.FIGURES[own[0]].on} alone, and not about {options.target}")
    models.cast(options.cast)  # before the first figure is drawn
    for needed in dict.fromkeys(needed for name in chosen for needed in figures.FIGURES[name].needs):
        models.ensure(needed)
    paths = [Path(out) / f"{name}.{kind}" for name in chosen]
    check_writable(*paths)
    with bars() as report:
        for name, path in zip(each(chosen, "figures", report, note=str), paths, strict=True):
            figures.save(figures.draw(name, models.load, options), path, caption=figures.caption(name, options))
            click.echo(path)
            interrupts.keeps(f"the figures that were drawn are kept in {out}.")


def draw_sweep(folder: Path, kind: str, spec: str | None, store: str | None) -> Path:
    """Write the figure of what a sweep measured so far; returns the path."""
    from toy import figures
    from toy.lab import grid, sweep

    if spec is None:
        raise ValueError("sweep needs --spec FILE.toml: the sweep that is drawn")
    figures.check_format(kind)
    wanted, path = grid.read(spec), folder / f"{Path(spec).stem}.{kind}"
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
    return put(path, data)


def figure_options(flags: dict[str, str | None]) -> "Options":
    """The figures' Options of the given flags, checked."""
    from toy.figures import Options

    said = given(flags)
    values: dict[str, Any] = {"cast": tuple((role, said.pop(role)) for role in ROLES if role in said)}
    known = {name: next(iter(knobs.values())) for name, knobs in KNOBS.items()}
    values["knobs"] = {
        name: knob.take(said, knob.default) for name, knob in known.items() if {name, *knob.parts} & said.keys()
    }
    if "view" in said:
        values["view"] = view_of(said.pop("view"))
    if "sigma" in said:
        values["sigma"] = SIGMA.check(said.pop("sigma"))
    target = CHOICES["target"].check(said.pop("target", "A"))
    for name, value in said.items():
        values[name] = SETTINGS[name].check(value)
    return Options(target=target, **values)
