"""``python -m toy probe``: scores and log-densities at points."""

import json
from dataclasses import replace

import click
import numpy as np

from toy.names import Name
from toy.views import SIGMA


@click.command()
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
    level = (replace(SIGMA, lo=0) if exact else SIGMA).check(sigma)
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
