"""What numbers are made by: a digest of functions and of all that they call in this program."""

import ast
import hashlib
import inspect
import sys
import textwrap
from collections.abc import Callable, Iterable
from functools import cache, lru_cache
from types import ModuleType
from typing import Any

from models import mlp
from toy import sampling, scenes
from toy.metrics import METRICS
from toy.names import Name
from toy.registry import Entry
from toy.scene import Scene

OURS = ("toy.", "models.")
PLAIN = (bool, int, float, str, tuple)  # constants that functions use


def digest(entries: Iterable[Entry] | None = None, measures: Iterable[str] | None = None) -> str:
    """Of registered functions, of all that samples, and of the measures that are named, all without names.

    Docstrings, comments, decorators and formatting do not count.
    """
    roots = [*(scenes.measure_seeds, scenes.measure_scenes, sampling.trajectory), *_classes(mlp)]
    roots += [METRICS[name].function for name in (METRICS if measures is None else measures)]
    for entry in _all() if entries is None else entries:
        roots += [entry.function, *filter(None, [getattr(entry, "observe", None)])]
    made = {name: text for root in roots for name, text in closure(root)}
    return hashlib.sha256("\n".join(f"{name} {made[name]}" for name in sorted(made)).encode()).hexdigest()[:16]


def parts(scene: Scene) -> dict[str, Entry]:
    """The registered functions that a scene names, those of its densities too."""
    names = [Name.parse(name) for _, name in scene.cast]
    named = {step.kind: step.entry for name in names for step in (*filter(None, [name.fit]), *name.steps)}
    return dict(zip(("rule", "schedule", "integrator"), scene.entries, strict=True)) | named


def _all() -> list[Entry]:
    from toy.guidance import RULES
    from toy.names import DEGRADATIONS, FITTED
    from toy.sampling import INTEGRATORS
    from toy.schedules import SCHEDULES

    return [entry for registry in (RULES, SCHEDULES, INTEGRATORS, DEGRADATIONS, FITTED) for entry in registry.values()]


def _classes(module: ModuleType) -> list[object]:
    return [item for item in vars(module).values() if inspect.isclass(item) and item.__module__ == module.__name__]


@lru_cache(maxsize=1024)
def closure(root: Callable[..., object]) -> frozenset[tuple[str, str]]:
    """The bare code of a function or class and of all of ours that it calls, by name, constants too."""
    seen: dict[str, str] = {}
    left = [_bottom(root)]
    while left:
        item = left.pop()
        name = f"{item.__module__}.{item.__qualname__}"
        if name not in seen:
            seen[name], called, constants = _code(item)
            seen |= constants
            left += called
    return frozenset(seen.items())


@cache
def _code(item: Any) -> tuple[str, list[Any], dict[str, str]]:
    """Bare code, what of ours is named in it, and the constants."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(item))).body[0]
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            if ast.get_docstring(node) is not None:
                node.body = node.body[1:] or [ast.Pass()]
            node.decorator_list = []
    around = getattr(item, "__globals__", None) or vars(sys.modules[item.__module__])
    ours = (*OURS, f"{item.__module__}.")  # a user's file too, whatever is in it
    called, constants = [], {}
    for node in ast.walk(tree):
        found = _named(node, around)
        bottom = _bottom(found)
        if (inspect.isfunction(bottom) or inspect.isclass(bottom)) and f"{bottom.__module__}.".startswith(ours):
            called.append(bottom)
        elif type(found) in PLAIN and isinstance(node, ast.Name):
            constants[f"{item.__module__}.{node.id}"] = repr(found)
    return ast.unparse(tree), called, constants


def _named(node: ast.AST, around: dict[str, object]) -> object:
    """What a name, or a name in a module, stands for; None for anything else."""
    if isinstance(node, ast.Name):
        return around.get(node.id)
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        module = around.get(node.value.id)
        return getattr(module, node.attr, None) if isinstance(module, ModuleType) else None
    return None


def _bottom(item: object) -> Any:
    """A function or class itself, under what compiles, keeps or binds it."""
    while True:
        inner = getattr(item, "__wrapped__", None) or getattr(item, "func", None)
        if inner is None or inspect.isclass(item) or isinstance(item, ModuleType):
            return item
        item = inner
