"""docs/api.md: every public function says what it takes and gives, its examples hold, and the page is what they say."""

import ast
import builtins
import doctest
import inspect
import re
from importlib import import_module
from pathlib import Path
from pkgutil import resolve_name

import numpy as np
import pytest

from toy import api, settings
from toy.api import ROOMS, SECTIONS

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "api.md"
NAMES = [name for room in ROOMS for name in room.names]
FUNCTIONS = [name for name in NAMES if not inspect.isclass(resolve_name(name))]
CLASSES = [name for name in NAMES if name not in FUNCTIONS]


def lacks(name: str, doc: str | None = None) -> list[str]:
    """What the docstring of something public does not say and should; of another ``doc`` in its place."""
    thing = resolve_name(name)
    told = api.said(thing.__doc__ or "" if doc is None else doc)
    found = [] if told.prose else ["prose"]
    if list(told.sections) != [title for title in SECTIONS if title in told.sections]:
        found.append("order")
    if name in CLASSES:
        have = {*told.items("Attributes"), *settings.declared(thing)}
        return found + [field for field in thing.__dataclass_fields__ if field not in have]
    if list(told.items("Args")) != api.arguments(thing):
        found.append("Args")
    if not told.sections.get("Returns"):
        found.append("Returns")
    said = [kinds(error) for error in told.items("Raises")]
    if any(not any(issubclass(kinds(error), one) for one in said) for error in raised(name)):
        found.append("Raises")
    return found


def kinds(error: str) -> type[BaseException]:
    return getattr(builtins, error, None) or getattr(settings, error)


def raised(name: str) -> set[str]:
    """Errors that a function itself raises."""
    _, function = api.source(resolve_name(name))
    calls = [node.exc for node in ast.walk(function) if isinstance(node, ast.Raise)]
    return {call.func.id for call in calls if isinstance(call, ast.Call) and isinstance(call.func, ast.Name)}


def without(doc: str, title: str) -> str:
    """A docstring that lacks a section."""
    return re.sub(rf"^{title}:\n(?:(?: .*)?\n)*?(?=\S|\Z)", "", inspect.cleandoc(doc) + "\n", flags=re.M)


@pytest.mark.parametrize("name", NAMES)
def test_what_is_public_says_what_it_takes_gives_and_refuses(name):
    assert lacks(name) == []


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_section_that_is_missing_is_noticed(name):
    doc = resolve_name(name).__doc__
    assert lacks(name, doc) == []
    assert "Returns" in lacks(name, without(doc, "Returns"))
    if raised(name):
        assert lacks(name, without(doc, "Raises")) == ["Raises"]
        assert lacks(name, doc.replace("ValueError:", "KeyError:")) == ["Raises"]
    for argument in api.arguments(resolve_name(name)):
        assert lacks(name, re.sub(rf"^ *{argument}: .*\n", "", doc, flags=re.M)), argument
        assert lacks(name, re.sub(rf"^( *){argument}: ", r"\1other: ", doc, flags=re.M)) == ["Args"]


def test_a_field_that_is_missing_is_noticed():
    doc = resolve_name("toy.flows.Flow").__doc__
    assert lacks("toy.flows.Flow", re.sub(r" *logq: .*\n", "", doc)) == ["logq"]
    assert lacks("toy.flows.flow", re.sub(r"Returns:", "Raises:", doc))


def test_nothing_is_public_twice_and_whatever_has_sections_is():
    assert len(NAMES) == len({*NAMES})
    public = set()
    for name in NAMES:
        thing = api.bare(resolve_name(name))
        public.add((Path(inspect.getsourcefile(thing)).relative_to(ROOT), thing.__qualname__))
    assert len(public) == len(NAMES)
    for path in {path for path, _ in public}:
        for name, doc in documented(ast.parse((ROOT / path).read_text(encoding="utf-8"))):
            assert (path, name) in public or not api.said(doc).sections, f"{path}: {name} is not in toy.api.ROOMS"


def documented(tree, around=""):
    """Names and docstrings of all functions and classes in a file."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield around + node.name, ast.get_docstring(node) or ""
            if isinstance(node, ast.ClassDef):
                yield from documented(node, f"{around}{node.name}.")


def examples():
    """Docstrings with an example, of what is public or not, each with its module and name."""
    for path in sorted([*ROOT.glob("toy/**/*.py"), *ROOT.glob("models/**/*.py")]):
        for name, doc in documented(ast.parse(path.read_text(encoding="utf-8"))):
            if ">>> " in doc:
                yield ".".join(path.relative_to(ROOT).with_suffix("").parts), name, doc


def test_whatever_is_public_shows_an_example():
    assert [name for name in NAMES if "Example" not in api.said(resolve_name(name).__doc__).sections] == []


def test_examples_hold():
    parser, runner = doctest.DocTestParser(), doctest.DocTestRunner(verbose=False)
    globs, told = {}, []
    with np.printoptions():
        exec(api.BEFORE, globs)
        for module, name, doc in examples():
            own = vars(import_module(module)) | globs
            runner.run(parser.get_doctest(doc, own, f"{module}.{name}", None, None), out=told.append)
    assert runner.summarize(verbose=False).failed == 0, "".join(told)
    assert runner.tries > 120


def test_the_page_is_what_signatures_and_docstrings_say_now():
    assert PAGE.read_text(encoding="utf-8") == api.page(), f"run `{api.COMMAND}`"


def test_every_link_of_the_page_leads_somewhere():
    text = re.sub(r"^```.*?^```", "", PAGE.read_text(encoding="utf-8"), flags=re.M | re.S)  # code has none
    to = api.anchors(re.findall(r"^#+ `?([^`\n]+)`?$", text, re.M))
    links = re.findall(r"\]\((?!http)([^)]+)\)", text)
    assert len(links) > len(NAMES)
    for link in links:
        assert link[1:] in to.values() if link.startswith("#") else (PAGE.parent / link).exists(), link
    assert {f"#{to[name]}" for name in NAMES} <= {*links}
    assert [*api.anchors(["a.flow", "a.Flow", "Own points"]).values()] == ["aflow", "aflow-1", "own-points"]


def test_a_docstring_comes_apart():
    told = api.said(
        "Twice.\n\n    Args:\n        x: A number\n            of any size.\n\n    Returns:\n        2 x.\n    "
    )
    assert told.prose == "Twice."
    assert told.items("Args") == {"x": "A number of any size."}
    assert told.sections["Returns"] == "2 x."
    assert (
        without("Twice.\n\nArgs:\n    x: A.\n\n    y: B.\nReturns:\n    2 x.", "Args")
        == "Twice.\n\nReturns:\n    2 x.\n"
    )
