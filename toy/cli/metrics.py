"""``python -m toy metrics``: one scene measured against the truth."""

import json

import click

from toy import memory
from toy.cli.flags import checked, finite, frame_of, scene_of, scene_options
from toy.cost import evaluations, total
from toy.scene import Scene
from toy.settings import Knob

SEEDS = Knob(
    2, 100, 1, "seeds", "measure with so many seeds, and give standard errors", whole=True, name="seeds", default=None
)


@click.command()
@click.option("--json", "as_json", is_flag=True, help="print one JSON object")
@checked(SEEDS)
@click.option("--logq", is_flag=True, help="give KL(q || p) and entropy of the density that the sampler itself draws")
@scene_options
def metrics(as_json: bool, seeds: int | None, logq: bool, **flags: str | None) -> None:
    """Measure samples against the exact distribution, beside the noise floor of true samples, and count what they cost.

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
        _over_seeds(scene, seeds, as_json)
        return
    if logq:
        _log_q(scene, as_json)
        return
    frame = frame_of(scene, keep=False)
    if as_json:
        rest = {"floor": frame.floor, "evaluations": evaluations(scene), "scene": scene.flat()}
        click.echo(json.dumps(finite({**frame.metrics, **rest}), indent=2))
        return
    click.echo(f"{'':16}{'measured':>10}{'true samples':>14}")
    for name, value in frame.metrics.items():
        if not isinstance(value, list):
            click.echo(f"{name:16}{value:10.4f}{frame.floor[name]:14.4f}  {METRICS[name].summary}")
    asked = ", ".join(f"{count} of {role}" for role, count in evaluations(scene).items())
    click.echo(f"{'evaluations':16}{total(scene):10}{'':14}  of a score or log-density for one sample: {asked}")


def _over_seeds(scene: Scene, seeds: int, as_json: bool) -> None:
    import models
    from toy.metrics import METRICS, floor
    from toy.scenes import measure_seeds
    from toy.uncertainty import OF_DRAWS

    memory.check(scene, seeds=seeds)
    spread = measure_seeds(scene, models.cast(scene.cast), seeds)
    mean, error, true = spread.mean, spread.error, floor(scene.target, scene.n)
    if as_json:
        rows = {name: {"mean": mean[name].tolist(), "error": error[name].tolist()} for name in mean}
        rest = {"floor": true, "seeds": seeds, "evaluations": evaluations(scene), "scene": scene.flat()}
        click.echo(json.dumps(finite({**rows, **rest}), indent=2))
        return
    click.echo(f"{'':16}{'mean':>10}{'std error':>11}{'true samples':>14}")
    for name in mean:
        if mean[name].ndim == 0:
            summary = METRICS[name].summary
            click.echo(f"{name:16}{mean[name]:10.4f}{error[name]:11.4f}{true[name]:14.4f}  {summary}")
    click.echo(OF_DRAWS)


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
        click.echo(json.dumps(finite({**found, "scene": scene.flat()}), indent=2))
        return
    click.echo(f"{'':16}{'mean':>10}{'std error':>11}")
    for name, words in LOG_Q.items():
        if name in found:
            click.echo(f"{name:16}{found[name]:10.4f}{found[f'{name}_error']:11.4f}  {words}")
