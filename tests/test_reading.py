"""Points in files of others: all kinds are read alike, and whatever else there is gets one sentence."""

import io
import zipfile
from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from toy.distributions import reading
from toy.distributions.points import store

THREE = b"1,2\n3,4\n5,7\n"


def packed(**arrays: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)
    return file.getvalue()


def npy(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array, allow_pickle=True)
    return file.getvalue()


def as_parquet(**columns) -> Callable[[], bytes]:
    """Written when a test asks for it: every process that runs tests imports this file."""

    def write() -> bytes:
        file = io.BytesIO()
        parquet.write_table(pa.table(columns), file)
        return file.getvalue()

    return write


def bytes_of(data: bytes | Callable[[], bytes]) -> bytes:
    return data() if callable(data) else data


AT = np.array([[0.5, 1.5], [2.0, 3.25], [-4.0, 0.0], [1.0, 1.0]])
LABEL = ("b", "a", "b", "c")
TEXT = "0.5,1.5,b\n2,3.25,a\n-4,0,b\n1,1,c\n"
NUMBERS = np.array([1, 0, 1, 2])
GOOD = {
    "csv": f"x,y,class\n{TEXT}".encode(),
    "no head": TEXT.encode(),
    "other names": f"lon,lat,species\n{TEXT}".encode(),
    "tabs": b"Label\tY\tX\nb\t1.5\t.5\na\t3.25\t2\nb\t0\t-4\nc\t1\t1\n",
    "semicolons and lines of Windows": f"\ufeffX;Y;LABEL\n{TEXT.replace(',', ' ; ')}".replace("\n", "\r\n").encode(),
    "UTF-16": f"x,y,class\n{TEXT}".encode("utf-16"),
    "comments": f"# x y class\n{TEXT.replace(',', '  ')}".encode(),
    "parquet": as_parquet(id=["p", "q", "r", "s"], y=AT[:, 1], Class=list(LABEL), x=AT[:, 0].astype(np.float32)),
    "npz": packed(x=AT[:, 0], y=AT[:, 1], label=np.array(LABEL)),
    "npz of scikit-learn's": packed(X=AT, y=np.array(LABEL)),
    "fields": npy(
        np.array([(*p, c) for p, c in zip(AT, LABEL, strict=True)], [("x", "f4"), ("y", "f8"), ("class", "U1")])
    ),
}
GOOD_NUMBERS = {
    "npy": npy(np.column_stack([AT, NUMBERS]).astype(np.float32)),
    "npy by columns": npy(np.asfortranarray(np.column_stack([AT, NUMBERS]))),
    "csv of numbers": "".join(f"{x},{y},{c}\n" for (x, y), c in zip(AT, NUMBERS, strict=True)).encode(),
    "parquet of numbers": as_parquet(x=AT[:, 0], y=AT[:, 1], label=NUMBERS.astype(float)),
}


@pytest.mark.parametrize("kind", [*GOOD, *GOOD_NUMBERS])
def test_files_of_all_kinds_are_the_same_points(kind):
    found = reading.table(bytes_of({**GOOD, **GOOD_NUMBERS}[kind]), kind)
    np.testing.assert_array_equal(found.at, AT)
    np.testing.assert_array_equal(found.label, NUMBERS)
    assert found.words == (("a", "b", "c") if kind in GOOD else ("0", "1", "2"))
    again = reading.table(found.text().encode(), kind)
    assert again.text() == found.text()
    assert again.words == found.words


def bomb() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("x.npy", "w") as member:
        for _ in range(80):
            member.write(bytes(2**20))
    return file.getvalue()


def announced(shape: str) -> bytes:
    head = f"{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}}}".encode()
    return b"\x93NUMPY\x01\x00" + len(head).to_bytes(2, "little") + head + bytes(64)


HOSTILE = {
    "empty": (b"", "it is empty"),
    "blank": (b"\n \n\n", "it is empty"),
    "head alone": (b"x,y,class\n", "it has 0 points, of at least 3"),
    "one point": (b"x,y\n1,2\n", "it has 1 points, of at least 3"),
    "equal": (b"1,2\n" * 5, "all its points are at (1, 2)"),
    "nearly equal": (b"1e9,2\n1e9,2.0000001\n1e9,2\n", "too near to tell them apart"),
    "formula": (
        b"=cmd|' /C calc'!A0,1,2\n" + b"a,3,4\na,5,6\n",
        "class \"=cmd|' /C calc'!A0\" is a formula",
    ),
    "formula in x": (b"x,y\n1,2\n=1+1,2\n3,4\n", "x of point 2 is '=1+1', not a finite number"),
    "formula as class": (b"x,y,class\n1,2,=HYPERLINK(1)\n3,4,a\n5,6,a\n", "class '=HYPERLINK(1)' is a formula"),
    "columns": (b"1," * 10**6 + b"1\n", "it has 1000001 columns, of at most 1000"),
    "rows": (b"1,2\n" * 100_001, "it has 100001 rows or more, of at most 100000"),
    "bytes": (b" " * (5 * 2**20 + 1), "it has 5242881 bytes, of at most 5242880"),
    "NUL": (b"x,y\n1,2\n3,\0004\n", "it has a NUL byte in line 3"),
    "UTF-16 without a mark": ("x,y\n1,2\n".encode("utf-16-le"), "it has a NUL byte in line 1"),
    "half of UTF-16": (b"\xff\xfe1", "no text in UTF-16"),
    "huge": (THREE + b"1e308,1\n", "x of point 4 is '1e308', not a finite number of at most 1e+30"),
    "digits": (THREE + b"9" * 5000 + b",1\n", f"x of point 4 is '{'9' * 39}…', not a finite number"),
    "NaN": (THREE + b"1,nan\n", "y of point 4 is 'nan'"),
    "inf": (THREE + b"1,-inf\n", "y of point 4 is '-inf'"),
    "a word": (b"x,y\n1,2\nabc,2\n3,4\n", "x of point 2 is 'abc'"),
    "missing": (b"x,y\n1,2\n,2\n3,4\n", "x of point 2 is ''"),
    "ragged": (b"x,y\n1,2\n1,2,3\n", "line 3 has 3 columns, and the first has 2"),
    "one column": (b"x\n1\n2\n3\n", "no two columns of numbers, in 1"),
    "words": (b"once upon\na time\n", "no two columns of numbers"),
    "a quote without end": (b'x,y\n"' + b"1,2\n" * 10**5, "field larger than field limit"),
    "classes": ("".join(f"{i},{i % 3},{i}\n" for i in range(20)).encode(), "it has 20 classes, of at most 16"),
    "no class": (b"x,y,class\n1,2,a\n3,4,\n5,6,a\n", "a point has no class"),
    "a long class": (b"x,y,class\n1,2,a\n3,4," + b"a" * 99 + b"\n5,6,a\n", "is not a word of at most 40 letters"),
    "direction": ("x,y,class\n1,2,a\n3,4,\u202eb\n5,6,a\n".encode(), "is not a word of at most 40 letters"),
    "garbage": (bytes(range(1, 256)) * 20, "no text in UTF-8"),
    "pickle": (npy(np.array([{"x": 1}], object)), "Python objects, which are never unpickled"),
    "pickle in npz": (packed(x=AT[:, 0], y=np.array([None] * 4)), "Python objects, which are never unpickled"),
    "announced": (announced("(10**12, 2)"), "its head is not that of an NPY file"),
    "announced more": (announced("(1000000000000, 2)"), "64 bytes of the 16000000000000"),
    "announced less than none": (announced("(-4, -2)"), "cannot read"),
    "deep": (announced("(" * 4000), "its head is not that of an NPY file"),
    "a line of numbers": (npy(np.arange(9.0)), "shape (9,) is not [n, 2]"),
    "words in npy": (npy(np.array([["a", "b"]] * 4)), "is not [n, 2] of numbers"),
    "complex": (npy(AT + 1j), "is not [n, 2] of numbers"),
    "bomb": (bomb(), "it unpacks to 83886080 bytes, of at most 67108864"),
    "zip": (b"PK\x03\x04" + bytes(99), "not a zip file"),
    "npz of others": (packed(a=np.arange(3)), "no arrays x and y and none [n, 2]; it has: 'a'"),
    "lengths": (packed(x=np.arange(3), y=np.arange(4)), "its columns differ in length"),
    "parquet cut off": (lambda: as_parquet(x=AT[:, 0], y=AT[:, 1])()[:-9], "cannot read"),
    "parquet with a null": (as_parquet(x=[1.0, None, 2.0], y=[1.0, 2.0, 3.0]), "x of point 2 is 'None'"),
    "parquet of lists": (as_parquet(x=[[1.0]] * 3, y=[1.0, 2.0, 3.0]), "columns x and y are not of numbers"),
    "parquet of rows": (as_parquet(x=np.zeros(10**5 + 1), y=np.zeros(10**5 + 1)), "it has 100001 rows or more"),
    "parquet unpacks": (
        as_parquet(x=AT[:, 0], y=AT[:, 1], z=["a" * 2**25, "b" * 2**25, "c" * 2**25, ""]),
        "it unpacks",
    ),
    "a long word of many": (
        as_parquet(
            x=np.arange(9e4),
            y=np.zeros(90_000),
            label=pa.DictionaryArray.from_arrays(np.zeros(90_000, int), ["a" * 10**6]),
        ),
        "is not a word of at most 40 letters",
    ),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_what_is_no_table_of_points_gets_one_sentence(kind, tmp_path, monkeypatch):
    monkeypatch.setenv("GUIDANCE_EXPLORER_MODELS", str(tmp_path))
    data, words = HOSTILE[kind]
    with pytest.raises(ValueError, match=r"^cannot read points from 'a file': [^\n]{5,200}$") as caught:
        store(bytes_of(data), "a file")
    assert words in str(caught.value)
    assert not [*tmp_path.iterdir()]
