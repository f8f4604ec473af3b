"""Flags that commands share, and what they become: a Scene, its Frame, numbers within their range."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import click
import numpy as np

from toy import distributions, memory
from toy.distributions.points import FAMILY as POINTS
from toy.distributions.points import facts
from toy.distributions.points import given as of_file
from toy.guidance import RULES
from toy.sampling import INTEGRATORS
from toy.scene import CHOICES, ROLE_DEFAULTS, SETTINGS, Scene
from toy.schedules import SCHEDULES
from toy.settings import Flag, Knob, Setting, Several, text

if TYPE_CHECKING:
    from toy.scenes import Frame

TRAININGS = Knob(
    2, 40, 1, "trainings", "mean and standard error over so many trainings of every network, which are kept",
    whole=True, name="trainings", default=None,
)  # fmt: skip
ROLES = tuple(dict.fromkeys(role for rule in RULES.values() for role in rule.roles))
# Rules may share a knob's name; what they allow may differ, and the Scene knows.
KNOBS: dict[str, dict[str, Knob]] = {}
for _registry in (RULES, SCHEDULES, INTEGRATORS):
    for _entry in _registry.values():
        for _name, _knob in _entry.knobs.items():
            KNOBS.setdefault(_name, {})[_entry.name] = _knob


def decorated(command: Callable, options: list[Callable]) -> Callable:
    """The command with options, in their order."""
    for option in reversed(options):
        command = option(command)
    return command


def cast_options(command: Callable) -> Callable:
    """One flag a role."""
    return decorated(
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
    """One flag a knob of any rule, schedule or integrator; of a vector also one a number, as --share3."""
    options = []
    for name, knobs in KNOBS.items():
        flag, size = f"--{name.replace('_', '-')}", next(iter(knobs.values())).size
        options.append(click.option(flag, name, metavar="NUMBERS" if size else "NUMBER", help=_help(knobs)))
        options += [click.option(f"{flag}{i}", f"{name}{i}", hidden=True) for i in range(1, size + 1)]
    return decorated(command, options)


def _help(knobs: dict[str, Knob]) -> str:
    """What a flag means, for every rule that means something else by it."""
    meanings: dict[str, list[str]] = {}
    for owner, knob in knobs.items():
        many = f": {knob.size} numbers separated by commas; --{knob.parts[0]} is the first alone" if knob.size else ""
        meanings.setdefault(f"{knob.help}, {knob.lo:g} to {knob.hi:g}{many}", []).append(owner)
    if len(meanings) == 1:
        return next(iter(meanings))
    return "; ".join(f"{', '.join(owners)}: {words}" for words, owners in meanings.items())


def option(setting: Setting) -> Callable[[Callable], Callable]:
    """A setting as a flag of its name; None where it is not given, else text, which the setting checks."""
    return _option(setting, f"--{setting.name}")


def checked(setting: Setting, flag: str = "") -> Callable[[Callable], Callable]:
    """A setting as a flag, of its name or another; its value, checked, and the default where it is not given."""
    flag = flag or f"--{setting.name.replace('_', '-')}"
    if isinstance(setting, Flag):
        flag = f"{flag}/--no-{setting.name}" if setting.default else flag
        return click.option(flag, setting.name, is_flag=True, default=setting.default, help=setting.help)
    return _option(setting, flag, type=_Checked(setting), default=setting.default)


class _Checked(click.ParamType):
    """What a setting allows."""

    name = "setting"

    def __init__(self, setting: Setting) -> None:
        self.setting = setting

    def convert(self, value: object, param: object, ctx: object) -> Any:
        return self.setting.check(value)


def _option(setting: Setting, flag: str, **how: Any) -> Callable[[Callable], Callable]:
    number = isinstance(setting, Knob)
    words = f"{setting.help}, {setting.legal}" if number else f"{setting.help or 'one of'}: {setting.legal}"
    usual = "" if setting.default is None else f" [{text(setting.default)}]"
    kind = "NUMBER" if number else "NAMES" if isinstance(setting, Several) else "NAME"
    return click.option(flag.replace("_", "-"), setting.name, metavar=kind, help=words + usual, **how)


def on_option(command: Callable) -> Callable:
    """Flags for another distribution; ``given`` makes a target of them."""
    words = f"distribution: {', '.join(distributions.families())}; with knobs as gaussians:distance=2:classes=5 [tree]"
    own = "a distribution of your own points: x, y and perhaps class, in CSV, Parquet, NPY or NPZ"
    options = [click.option("--on", metavar="NAME", help=words), click.option("--points", metavar="FILE", help=own)]
    return decorated(command, options)


def scene_options(command: Callable) -> Callable:
    """All flags of a Scene."""
    choices, settings = list(map(option, CHOICES.values())), list(map(option, SETTINGS.values()))
    return on_option(decorated(cast_options(knob_options(decorated(command, settings))), choices))


def given(flags: Mapping[str, str | None]) -> dict[str, str]:
    """The flags that were given, ``--on``, ``--points`` and the classes of ``--target`` as one target."""
    values = {name: value for name, value in flags.items() if value is not None}
    if (file := values.pop("points", None)) is not None:
        values["on"] = _points(file, values.get("on", POINTS))
    if (on := values.pop("on", None)) is None:
        return values
    name = distributions.canonical(on)
    if "/" in values.get("target", ""):
        raise ValueError(f"--on {on} does not go with --target {values['target']}, which names a distribution itself")
    classes = values.get("target", distributions.LETTERS[0])
    return values | {"target": distributions.of(f"{name}/{classes}" if name else classes).name}


def _points(file: str, on: str) -> str:
    """The distribution of a file's points, with the knobs that ``--on points:...`` has; says what it is."""
    name = distributions.canonical(of_file(file, on))
    click.echo(f"{name}: {facts(name).line()}", err=True)
    return name


def target_of(flags: Mapping[str, str | None]) -> str:
    """The target of the given flags."""
    return CHOICES["target"].check(given(flags).get("target", CHOICES["target"].default))


def scene_of(**flags: str | None) -> Scene:
    """The Scene of the given flags; those that were not given take their defaults."""
    return Scene.of(**given(flags))


def frame_of(scene: Scene, **options: Any) -> "Frame":
    """Load the cast and compute."""
    import models
    from toy.scenes import compute

    memory.check(scene, keep=options.get("keep", True))
    return compute(scene, models.cast(scene.cast), **options)


def finite(value: object) -> object:
    """JSON has no NaN or infinity: they become null."""
    if isinstance(value, dict):
        return {key: finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [finite(item) for item in value]
    return None if isinstance(value, float) and not np.isfinite(value) else value
