"""``python -m toy list``: everything that can be chosen by name."""

import json
from collections.abc import Mapping

import click

from toy.distributions import DISTRIBUTIONS
from toy.guidance import RULES
from toy.inputs import Json
from toy.registry import Entry
from toy.sampling import INTEGRATORS
from toy.schedules import SCHEDULES
from toy.state import text


@click.command("list")
@click.option("--json", "as_json", is_flag=True, help="print one JSON object")
def list_(as_json: bool) -> None:
    """List distributions, rules, schedules, integrators, degradations, metrics and densities.

    With knobs, ranges and sources.
    """
    import models
    from models.degradations import DEGRADATIONS
    from toy.browser.traced import needs_server
    from toy.metrics import METRICS

    registries: dict[str, Mapping[str, Entry]] = {
        "rules": RULES,
        "schedules": SCHEDULES,
        "integrators": INTEGRATORS,
        "degradations": DEGRADATIONS,
        "metrics": METRICS,
        "distributions": DISTRIBUTIONS,
    }
    if as_json:
        listing: dict[str, object] = {
            title: [_row(e) for e in registry.values()] for title, registry in registries.items()
        }
        listing |= {"densities": models.names(), "server": needs_server()}
        click.echo(json.dumps(listing, indent=2, ensure_ascii=False))
        return
    for title, registry in registries.items():
        click.secho(title, bold=True)
        for entry in registry.values():
            knobs = ", ".join(f"{k.name} {k.lo:g}..{k.hi:g} [{text(k.default)}]" for k in entry.knobs.values())
            roles = f"({', '.join(entry.roles)})" if registry is RULES else ""
            click.echo(f"  {entry.name}{roles}  {knobs}\n      {entry.summary}  {entry.source}")
    click.secho("densities", bold=True)
    click.echo("  " + "  ".join(models.names()))
    click.echo("  degraded, for example: " + "  ".join(models.zoo.examples()))
    click.secho("what a visitor's browser leaves to the server", bold=True)
    for name, why in needs_server().items():
        click.echo(f"  {name}: {why}")
    click.echo(
        "  densities that draw anew wherever they are asked, such as dropout; the sampler's own density; trainings"
    )


def _row(entry: Entry) -> Json:
    of_knob = ("name", "label", "lo", "hi", "step", "default", "help")
    knobs = [
        {part: getattr(knob, part) for part in (*of_knob, *["size"] * bool(knob.size))} for knob in entry.knobs.values()
    ]
    row = {part: getattr(entry, part) for part in ("name", "summary", "formula", "source")} | {"knobs": knobs}
    return row | ({"roles": list(entry.roles)} if entry.kind == "rule" else {})
