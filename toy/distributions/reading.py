"""Points in files of others: CSV and the like, Parquet, NPY, NPZ. Read within bounds, refused in a sentence.

What a file is, its first bytes say. Its columns are x, y and, where there is one, class or label, by name in any case;
without such names the first two columns of numbers, and as the class the only column that is left.
"""

import csv
import io
import math
import zipfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from toy.distributions.distribution import LETTERS

MOST_BYTES = 5 * 2**20
MOST_UNPACKED = 2**26  # bytes that a packed file may come to
MOST_ROWS = 100_000
MOST_COLUMNS = 1000
LEAST_POINTS = 3
LARGEST = 1e30  # of a coordinate: its square is still a number
FINEST = 1e-9  # of the points' spread over their largest coordinate: less is lost in double precision
LONGEST = 40  # letters of a class's word
CLASS = ("class", "label", "classes", "labels")
Column = Sequence[Any]
Columns = tuple[Column, Column, Sequence[str] | None]


@dataclass(frozen=True, eq=False)
class Table:
    """Points ``at`` [n, 2], the class of each as an index into ``words`` [n]; no words where there is one class."""

    at: np.ndarray
    label: np.ndarray
    words: tuple[str, ...] = ()

    @property
    def letters(self) -> dict[str, str]:
        """A class's word by its letter."""
        return dict(zip(LETTERS, self.words, strict=False))

    def text(self) -> str:
        """As CSV, always the same for the same points; ``table`` reads it back."""
        out = io.StringIO()
        write = csv.writer(out, lineterminator="\n").writerow
        write(["x", "y", "class"] if self.words else ["x", "y"])
        for (x, y), label in zip(self.at.tolist(), self.label.tolist(), strict=True):
            write([repr(x), repr(y), self.words[label]] if self.words else [repr(x), repr(y)])
        return out.getvalue()


def table(data: bytes, name: str, *, most: int = MOST_BYTES) -> Table:
    """The points in the bytes of a file; ValueError, one sentence, names the file and what is wrong with it."""
    try:
        if len(data) > most:
            raise ValueError(f"it has {len(data)} bytes, of at most {most}")
        return _checked(*_format(data)(data))
    except Exception as error:  # whatever others' bytes do to what reads them
        shown = "".join(letter if letter.isprintable() else " " for letter in str(error))
        reason = " ".join(shown.split()) or error.__class__.__name__
        raise ValueError(f"cannot read points from {_short(name)}: {reason[:200]}") from None


def _format(data: bytes) -> Callable[[bytes], Columns]:
    for mark, read in {b"PAR1": _parquet, b"\x93NUMPY": _npy, b"PK": _npz}.items():
        if data.startswith(mark):
            return read
    return _text


def _chosen(names: Sequence[str], numeric: Sequence[bool]) -> tuple[int, int, int | None]:
    """Which columns are x, y and the class."""
    if len(names) > MOST_COLUMNS:
        raise ValueError(f"it has {len(names)} columns, of at most {MOST_COLUMNS}")
    known = {name.strip().lower(): i for i, name in reversed([*enumerate(names)])}
    label = next((known[word] for word in CLASS if word in known), None)
    if "x" in known and "y" in known:
        return known["x"], known["y"], label
    numbers = [i for i, number in enumerate(numeric) if number and i != label]
    if len(numbers) < 2:
        raise ValueError(f"it has no two columns of numbers, in {len(names)} of them")
    left = [i for i in range(len(names)) if i not in numbers[:2]]
    return numbers[0], numbers[1], left[0] if len(left) == 1 else label


def _checked(x: Column, y: Column, classes: Sequence[str] | None) -> Table:
    """The points of three columns, where they can be a distribution."""
    if len({len(column) for column in (x, y, classes) if column is not None}) > 1:
        raise ValueError("its columns differ in length")
    if len(x) < LEAST_POINTS:
        raise ValueError(f"it has {len(x)} points, of at least {LEAST_POINTS}")
    at = np.stack([_numbers("x", x), _numbers("y", y)], axis=1)
    if np.sqrt(at.var(axis=0).mean()) <= FINEST * np.abs(at).max():
        raise ValueError(f"all its points are at ({at[0, 0]:g}, {at[0, 1]:g}), or too near to tell them apart")
    if classes is None:
        return Table(at, np.zeros(len(at), int))
    given = dict.fromkeys(classes)
    if len(given) > len(LETTERS):
        raise ValueError(f"it has {len(given)} classes, of at most {len(LETTERS)}")
    cleaned = {word: _word(word) for word in given}
    words = sorted(set(cleaned.values()), key=_order)
    index = {word: words.index(cleaned[word]) for word in given}
    return Table(at, np.array([index[word] for word in classes]), tuple(words))


def _rows(count: int) -> None:
    if count > MOST_ROWS:
        raise ValueError(f"it has {count} rows or more, of at most {MOST_ROWS}")


def _numbers(name: str, column: Column) -> np.ndarray:
    """A column of finite numbers [n]."""
    out = np.empty(len(column))
    for i, value in enumerate(column):
        number = _number(value)
        if not abs(number) <= LARGEST:  # also NaN
            raise ValueError(f"{name} of point {i + 1} is {_short(value)}, not a finite number of at most {LARGEST:g}")
        out[i] = number + 0.0  # no -0.0
    return out


def _number(value: Any) -> float:
    """A cell as a number; NaN where it is none."""
    try:
        return math.nan if isinstance(value, complex | bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        return math.nan


def _word(text: str) -> str:
    """A class's word as it may be shown."""
    word = " ".join(text.split())
    if not word:
        raise ValueError("a point has no class, and others have one")
    if len(word) > LONGEST or not word.isprintable():
        raise ValueError(f"class {_short(word)} is not a word of at most {LONGEST} letters")
    if word[0] in "=@+-" and math.isnan(_number(word)):
        raise ValueError(f"class {_short(word)} is a formula, and not a word")
    return word


def _order(word: str) -> tuple[float, str]:
    """Numbers by size, before words by letter."""
    number = _number(word)
    return (number if math.isfinite(number) else math.inf), word


def _short(value: object) -> str:
    shown = repr(str(value))
    return shown if len(shown) <= LONGEST + 2 else f"{shown[:LONGEST]}…'"


# --- Text -------------------------------------------------------------------------------------------------------------


def _text(data: bytes) -> Columns:
    """Columns separated by tabs, semicolons, commas or spaces, with a head or without."""
    lines = _decoded(data).splitlines()
    first = next((line for line in lines if line.strip()), None)
    if first is None:
        raise ValueError("it is empty")
    delimiter = next((mark for mark in "\t;," if mark in first), " ")
    rows = csv.reader((line.lstrip("# ").rstrip(" ") for line in lines), delimiter=delimiter, skipinitialspace=True)
    out: tuple[list[str], ...] = ([], [], [])
    columns: list[int] = []
    width = 0
    for row in rows:
        if not any(cell.strip() for cell in row):
            continue
        if not width:
            width, numeric = len(row), [math.isfinite(_number(cell)) for cell in row]
            if width > MOST_COLUMNS:
                raise ValueError(f"it has {width} columns, of at most {MOST_COLUMNS}")
            names = row
            if sum(numeric) < 2:  # a head
                continue
            names = [""] * width
        if len(row) != width:
            raise ValueError(f"line {rows.line_num} has {len(row)} columns, and the first has {width}")
        if not columns:
            x, y, label = _chosen(names, [math.isfinite(_number(cell)) for cell in row])
            columns = [x, y, *([] if label is None else [label])]
        _rows(len(out[0]) + 1)
        for column, index in zip(out, columns, strict=False):
            column.append(row[index])
    return out[0], out[1], out[2] if len(columns) == 3 else None


def _decoded(data: bytes) -> str:
    """Text in UTF-8, or in UTF-16 where it begins with a mark of that."""
    wide = data.startswith((b"\xff\xfe", b"\xfe\xff"))
    try:
        words = data.decode("utf-16" if wide else "utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError(f"it is no Parquet, NPY or NPZ, and no text in {'UTF-16' if wide else 'UTF-8'}") from None
    if "\0" in words:
        raise ValueError(f"it is no text: it has a NUL byte in line {words[: words.index(chr(0))].count(chr(10)) + 1}")
    return words


# --- Tables of programs -----------------------------------------------------------------------------------------------


def _parquet(data: bytes) -> Columns:
    """Columns of a Parquet file: of numbers, and one of a class."""
    import pyarrow as pa
    from pyarrow import parquet

    file = parquet.ParquetFile(
        pa.BufferReader(data), thrift_string_size_limit=MOST_BYTES, thrift_container_size_limit=10 * MOST_COLUMNS
    )
    _rows(file.metadata.num_rows)
    fields = list(file.schema_arrow)
    numeric = [pa.types.is_integer(field.type) or pa.types.is_floating(field.type) for field in fields]
    x, y, label = _chosen([field.name for field in fields], numeric)
    if not (numeric[x] and numeric[y]):
        raise ValueError("its columns x and y are not of numbers")
    wanted = [fields[i].name for i in (x, y, label) if i is not None]
    if label is not None and pa.types.is_nested(fields[label].type):
        raise ValueError(f"its column {_short(wanted[2])} is not of words or numbers")
    _unpacked(sum(file.metadata.row_group(g).total_byte_size for g in range(file.metadata.num_row_groups)))
    # A long word of many rows is read once.
    file = parquet.ParquetFile(pa.BufferReader(data), read_dictionary=wanted[2:])
    found = file.read(wanted, use_threads=False)
    columns = [found.column(name) for name in wanted]
    if label is None:
        return columns[0].to_pylist(), columns[1].to_pylist(), None
    if columns[2].null_count:
        raise ValueError("a point has no class, and others have one")
    coded = columns[2].combine_chunks()
    coded = coded if pa.types.is_dictionary(coded.type) else coded.dictionary_encode()
    words = _few(coded.dictionary.to_pylist())
    return columns[0].to_pylist(), columns[1].to_pylist(), [words[i] for i in coded.indices.to_pylist()]


def _unpacked(size: int) -> None:
    if size > MOST_UNPACKED:
        raise ValueError(f"it unpacks to {size} bytes, of at most {MOST_UNPACKED}")


def _npy(data: bytes) -> Columns:
    """An array [n, 2], or [n, 3] with the class last, or one with named fields."""
    array = _array(data)
    names = list(array.dtype.names or ())
    if not names:
        return _of_array(array)
    _rows(array.size)
    x, y, label = _chosen(names, [array.dtype[name].kind in "iuf" for name in names])
    columns = [array[names[i]].ravel() for i in (x, y, label) if i is not None]
    return columns[0].tolist(), columns[1].tolist(), None if label is None else _few(columns[2])


def _of_array(array: np.ndarray, classes: np.ndarray | None = None) -> Columns:
    if array.ndim != 2 or array.dtype.kind not in "iuf" or array.shape[1] < 2:
        raise ValueError(f"its array of {array.dtype} and shape {array.shape} is not [n, 2] of numbers")
    _rows(len(array))
    if classes is None and array.shape[1] == 3:
        classes = array[:, 2]
    return array[:, 0].tolist(), array[:, 1].tolist(), None if classes is None else _few(classes)


def _few(classes: Iterable[Any]) -> list[str]:
    """Classes as words, where numbers are written as short as they can be."""
    values = classes.tolist() if isinstance(classes, np.ndarray) else list(classes)
    written = (value.decode("utf-8") if isinstance(value, bytes) else value for value in values)
    return [str(int(v)) if isinstance(v, float) and v.is_integer() else str(v) for v in written]


def _array(data: bytes) -> np.ndarray:
    """The array of an NPY file, of as many bytes as there are; nothing is unpickled."""
    file = io.BytesIO(data)
    version = np.lib.format.read_magic(file)
    if version not in ((1, 0), (2, 0)):
        raise ValueError(f"it is NPY of version {version[0]}.{version[1]}, not 1.0 or 2.0")
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    try:
        shape, by_columns, dtype = read(file)
    except Exception:  # it evaluates a text of anything
        raise ValueError("its head is not that of an NPY file") from None
    if dtype.hasobject:
        raise ValueError("its array is of Python objects, which are never unpickled")
    size = math.prod(shape) * dtype.itemsize
    if size != len(data) - file.tell():
        raise ValueError(f"it has {len(data) - file.tell()} bytes of the {size} that its head announces")
    return np.frombuffer(data, dtype, offset=file.tell()).reshape(shape, order="F" if by_columns else "C")


def _npz(data: bytes) -> Columns:
    """Arrays x and y, or one [n, 2] with y, class or label beside it."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = [info for info in archive.infolist() if info.filename.endswith(".npy")]
        _unpacked(sum(info.file_size for info in members))  # more than that is not read either
        arrays = {}
        for info in members[:MOST_COLUMNS]:
            with archive.open(info) as member:
                arrays[info.filename.removesuffix(".npy").lower()] = member.read(info.file_size)
    found = {name: _array(unpacked) for name, unpacked in arrays.items()}
    lines = {name: array for name, array in found.items() if array.ndim == 1}
    classes = next((lines[word] for word in CLASS if word in lines), None)
    if "x" in lines and "y" in lines:
        _rows(max(len(line) for line in lines.values()))
        return lines["x"].tolist(), lines["y"].tolist(), None if classes is None else _few(classes)
    usual = {name: array for name, array in found.items() if array.ndim == 2 and array.shape[1] >= 2}
    if not usual:
        have = ", ".join(map(_short, found)) or "no arrays"
        raise ValueError(f"it has no arrays x and y and none [n, 2]; it has: {have}")
    points = usual.get("x", next(iter(usual.values())))
    return _of_array(points, classes if classes is not None else lines.get("y"))
