"""Tables: of text, for a terminal or in Markdown; of rows, as CSV and Parquet."""

import io
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from toy import inputs
from toy.files import replacing
from toy.metrics import METRICS

Row = Mapping[str, Any]

# --- Of text ----------------------------------------------------------------------------------------------------------


def aligned(lines: Sequence[Sequence[str]]) -> str:
    """Lines of cells as a table in a terminal."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    padded = (map(str.ljust, line, widths) for line in lines)
    return "\n".join("  ".join(cells).rstrip() for cells in padded)


def markdown(lines: Sequence[Sequence[str]]) -> str:
    """Lines of cells as a table in Markdown, the first as its head."""
    head, *body = ("".join(f"| {cell} " if cell else "| " for cell in line) + "|" for line in lines)
    return "\n".join([head, "|---" * len(lines[0]) + "|", *body])


def cell(measure: str, mean: float, error: float = math.nan, *, digits: int = 4) -> str:
    """A measure with its standard error, where there is one; a share in percent, with two digits."""
    if not math.isfinite(mean):
        return "not finite"
    scale, unit, digits = (100, "%", 2) if in_percent(measure) else (1, "", digits)
    spread = f" ± {scale * error:.{digits}f}" if math.isfinite(error) else ""
    return f"{scale * mean:.{digits}f}{spread}{unit}"


def in_percent(measure: str) -> bool:
    """Whether a measure is a share, which is read in percent."""
    return measure in METRICS and METRICS[measure].percent


def words(measure: str) -> str:
    """A measure's name in words: 'branch TV' of 'branch_tv'."""
    return measure.replace("_", " ").replace(" tv", " TV")


# --- Of rows ----------------------------------------------------------------------------------------------------------

FORMATS = (".csv", ".parquet")


def check_format(path: str | Path) -> None:
    """ValueError unless a table can be written there."""
    if Path(path).suffix not in FORMATS:
        raise ValueError(f"the table {str(path)!r} does not end in {' or '.join(FORMATS)}")


def write(rows: Sequence[Row], path: str | Path) -> None:
    """Write rows as CSV or Parquet, by the path's suffix, whole or not at all; what a row lacks is empty."""
    check_format(path)
    with replacing(path) as temporary, temporary.open("wb") as file:
        (_write_csv if Path(path).suffix == ".csv" else _write_parquet)(rows, file)


def csv_bytes(rows: Sequence[Row]) -> bytes:
    """Rows as a CSV file has them."""
    file = io.BytesIO()
    _write_csv(rows, file)
    return file.getvalue()


def _write_csv(rows: Sequence[Row], file: BinaryIO) -> None:
    import csv

    from pyarrow.csv import WriteOptions, write_csv

    if not rows:
        return
    table, head = _columns(rows), io.StringIO()
    csv.writer(head, lineterminator="\n").writerow(table.column_names)  # Arrow would quote every name
    file.write(head.getvalue().encode())
    write_csv(table, file, WriteOptions(include_header=False))


def _write_parquet(rows: Sequence[Row], file: BinaryIO) -> None:
    from pyarrow import parquet

    parquet.write_table(_columns(rows), file)


def _columns(rows: Sequence[Row]) -> Any:
    """Rows by columns, each of one type: an axis may have words and numbers, and then all are words."""
    import pyarrow as pa

    names = dict.fromkeys(name for row in rows for name in row)
    return pa.table({name: _of_one_type([row.get(name) for row in rows]) for name in names})


def _of_one_type(values: list[Any]) -> list[Any]:
    if any(isinstance(value, str) for value in values):
        return [None if value is None else text(value) for value in values]
    return [float(v) if v is not None else v for v in values] if any(isinstance(v, float) for v in values) else values


def text(value: str | int | float) -> str:
    """A value as it stands in a name: no needless digits."""
    return f"{value:.12g}" if isinstance(value, float) else str(value)


def read_csv(path: str | Path) -> list[dict[str, Any]]:
    """The rows of a CSV file, numbers as numbers."""
    import csv

    found = csv.DictReader(io.StringIO(inputs.text(path, inputs.MOST_TABLE), newline=""))
    return [{name: _value(value) for name, value in row.items()} for row in found]


def _value(given: str) -> str | int | float:
    for kind in (int, float):
        try:
            return kind(given)
        except ValueError:
            continue
    return given
