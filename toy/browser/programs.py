"""A function of arrays as a program: the equations of its jaxpr as JSON, for the browser's interpreter.

A program is ``{"types", "vars", "in", "eqns", "out"}``. ``types`` are a letter for the dtype and the dimensions,
``f:n,2``; ``vars`` gives each variable's type, the first ``in`` of them the inputs; an equation is ``[primitive,
operands, results, parameters?]``; an operand is the number of a variable, or ``[value]`` or ``[value, letter]``.
Dimensions may be symbols.
"""

import json
import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypedDict

import jax
import numpy as np
from jax.core import ShapedArray
from jax.extend.core import ClosedJaxpr, JaxprEqn, Literal, Var
from jax.typing import ArrayLike

LETTERS = {"float32": "f", "int32": "i", "uint32": "u", "bool": "b", "key<fry>": "k"}
INLINED = ("jit", "pjit", "closed_call", "core_call", "custom_jvp_call", "custom_vjp_call", "remat", "checkpoint")
SAME = ("copy", "copy_p", "optimization_barrier", "stop_gradient")
BINARY = ("add", "sub", "mul", "div", "rem", "max", "min", "pow", "lt", "le", "gt", "ge", "eq", "ne", "and", "or")
PARAMETERS = {  # of an equation, those that the interpreter asks for
    "broadcast_in_dim": ("broadcast_dimensions",),
    **dict.fromkeys(("reduce_sum", "reduce_max", "reduce_min", "reduce_and", "reduce_or"), ("axes",)),
    "transpose": ("permutation",),
    "slice": ("start_indices",),
    "concatenate": ("dimension",),
    "stack": ("axis",),
    "iota": ("dimension",),
    "integer_pow": ("y",),
    **dict.fromkeys(("score", "score_jvp", "logp", "posterior"), ("role",)),
    "dim_as_value": ("dim",),
    "cond": ("branches",),
    "scan": ("jaxpr", "length", "num_consts", "num_carry", "reverse"),
    "while": ("cond_jaxpr", "body_jaxpr", "cond_nconsts", "body_nconsts"),
}

Number = int | float | str  # as JSON has it: what is not finite is a word
Operand = int | list[Number]
Equation = list[Any]
Program = TypedDict(
    "Program", {"types": list[str], "vars": list[int], "in": int, "eqns": list[Equation], "out": list[Operand]}
)


def program(function: Callable[..., object], *arguments: object) -> Program:
    """The program of a function of pytrees; its inputs and outputs are their leaves in order.

    ``arguments`` are shapes and dtypes, as ``jax.make_jaxpr`` takes them. Raises what tracing raises.
    """
    return _Program(jax.make_jaxpr(function)(*arguments)).json()


def equations(made: Program) -> Iterator[Equation]:
    """All equations of a program, those of the programs within it too."""
    inner: Program | Number
    for equation in made["eqns"]:
        yield equation
        for parameter in (equation[3] if len(equation) > 3 else {}).values():
            for inner in parameter if isinstance(parameter, list) else [parameter]:
                if isinstance(inner, dict):
                    yield from equations(inner)


class _Program:
    """Equations in order, the same ones once; variables are numbered, literals are lists."""

    def __init__(self, closed: ClosedJaxpr) -> None:
        self.types: list[str] = []
        self.equations: list[tuple[str, list[Operand], list[int], Mapping[str, object]]] = []
        self.known: dict[str, list[int]] = {}
        self.inputs = [self.new(_aval(variable)) for variable in closed.jaxpr.invars]
        self.outputs = self.walk(closed, list(self.inputs))

    def new(self, aval: ShapedArray) -> int:
        self.types.append(_type_of(aval))
        return len(self.types) - 1

    def add(
        self, name: str, operands: list[Operand], avals: list[ShapedArray], parameters: Mapping[str, object]
    ) -> list[int]:
        key = json.dumps([name, operands, parameters, [_type_of(aval) for aval in avals]])
        if key not in self.known:
            self.known[key] = [self.new(aval) for aval in avals]
            self.equations.append((name, operands, self.known[key], parameters))
        return self.known[key]

    def walk(self, closed: ClosedJaxpr, operands: list[Operand]) -> list[Operand]:
        """Add the equations of a jaxpr whose inputs these operands are; the operands that its outputs are."""
        jaxpr = closed.jaxpr
        found: dict[Var, Operand] = dict(zip(jaxpr.invars, operands, strict=True))
        for variable, value in zip(jaxpr.constvars, closed.consts, strict=True):
            found[variable] = self.constant(variable, value)

        def read(operand: Var | Literal) -> Operand:
            if not isinstance(operand, Literal):
                return found[operand]
            letter = _type_of(_aval(operand))
            return [_number(operand.val)] if letter == "f" else [_number(operand.val), letter]

        for equation in jaxpr.eqns:
            results = self.of_equation(equation, [read(operand) for operand in equation.invars])
            found.update(zip(equation.outvars, results, strict=True))
        return [read(operand) for operand in jaxpr.outvars]

    def constant(self, variable: Var, value: jax.Array) -> Operand:
        if jax.dtypes.issubdtype(value.dtype, jax.dtypes.prng_key):
            value = jax.random.key_data(value)
        data = np.asarray(value)
        if data.ndim == 0:
            letter = _type_of(_aval(variable))
            return [_number(data[()])] if letter == "f" else [_number(data[()]), letter]
        return self.add("const", [], [_aval(variable)], {"data": [_number(v) for v in data.ravel()]})[0]

    def of_equation(self, equation: JaxprEqn, given: list[Operand]) -> list[Operand]:
        name, parameters = equation.primitive.name, equation.params
        before, after = [_aval(v) for v in equation.invars], [_aval(v) for v in equation.outvars]
        if name in INLINED:
            return self.walk(parameters["jaxpr" if "jaxpr" in parameters else "call_jaxpr"], given)
        if name in SAME or (name == "convert_element_type" and before[0].dtype == after[0].dtype):
            return given
        if name in BINARY:  # which stretch axes of size 1 in silence
            given = [self.stretched(own, g, after[0]) for own, g in zip(before, given, strict=True)]
        return list(self.add(name, given, after, _kept(equation)))

    def stretched(self, own: ShapedArray, operand: Operand, aval: ShapedArray) -> Operand:
        if own.shape in ((), aval.shape):
            return operand
        axes = {"broadcast_dimensions": list(range(len(aval.shape)))}
        return self.add("broadcast_in_dim", [operand], [own.update(shape=aval.shape)], axes)[0]

    def json(self) -> Program:
        """Without what no output needs, variables numbered anew, types in a table."""
        needed = {v for v in self.outputs if isinstance(v, int)}
        kept = []
        for equation in reversed(self.equations):
            if needed.intersection(equation[2]):
                kept.append(equation)
                needed.update(v for v in equation[1] if isinstance(v, int))
        kept.reverse()
        order = [*self.inputs, *(v for equation in kept for v in equation[2])]
        at = {v: i for i, v in enumerate(order)}
        types = sorted({self.types[v] for v in order})

        def operand(v: Operand) -> Operand:
            return at[v] if isinstance(v, int) else v

        return {
            "types": types,
            "vars": [types.index(self.types[v]) for v in order],
            "in": len(self.inputs),
            "eqns": [
                [name, [operand(v) for v in given], [at[v] for v in out], *([parameters] if parameters else [])]
                for name, given, out, parameters in kept
            ],
            "out": [operand(v) for v in self.outputs],
        }


def _kept(equation: JaxprEqn) -> dict[str, object]:
    """What of an equation's parameters the interpreter asks for; ValueError for those that it does not heed."""
    name, parameters = equation.primitive.name, equation.params
    for words, found in {
        "slice with steps": name == "slice" and set(parameters["strides"] or [1]) != {1},
        "choice of more than two": name == "select_n" and len(equation.invars) > 3,
        "scan backwards": name == "scan" and parameters["reverse"],
        "scan with rows of results": name == "scan" and len(equation.outvars) > parameters["num_carry"],
    }.items():
        if found:
            raise ValueError(f"it needs a {words}, which the browser's interpreter does not have")
    if name == "gather":
        numbers = parameters["dimension_numbers"]
        return {
            "sizes": _parameter(parameters["slice_sizes"]),
            "offset": list(numbers.offset_dims),
            "collapsed": list(numbers.collapsed_slice_dims),
            "at": list(numbers.start_index_map),
            "batching": [list(numbers.operand_batching_dims), list(numbers.start_indices_batching_dims)],
        }
    if name in ("scatter", "scatter-add"):
        numbers = parameters["dimension_numbers"]
        return {
            "window": list(numbers.update_window_dims),
            "inserted": list(numbers.inserted_window_dims),
            "at": list(numbers.scatter_dims_to_operand_dims),
        }
    return {key: _parameter(parameters[key]) for key in PARAMETERS.get(name, ())}


def _parameter(value: object) -> object:
    if isinstance(value, ClosedJaxpr):
        return _Program(value).json()
    if isinstance(value, tuple | list):
        return [_parameter(v) for v in value]
    return value if isinstance(value, int | float | str | bool) else str(value)


def _number(value: ArrayLike) -> Number:
    number: int | float = np.asarray(value).item()
    return number if math.isfinite(number) else str(number)


def _aval(operand: Var | Literal) -> ShapedArray:
    assert isinstance(operand.aval, ShapedArray)
    return operand.aval


def _type_of(aval: ShapedArray) -> str:
    """Letter of the dtype and dimensions: f, f:n,2. ValueError for a dtype that the interpreter has not."""
    letter = LETTERS.get(str(aval.dtype))
    if letter is None:
        raise ValueError(f"no dtype {aval.dtype} in a program; there are: {', '.join(LETTERS)}")
    return ":".join([letter, *([",".join(map(str, aval.shape))] if aval.shape else [])])
