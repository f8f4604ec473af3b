"""One's own points on the page: given, kept, said what they are; given again where a link names some that are not."""

from collections.abc import Callable

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from toy import distributions
from toy.distributions import keeping, reading
from toy.distributions.points import FAMILY, facts, store
from toy.ui.quota import Rate
from toy.ui.words import plain

KINDS = ("csv", "tsv", "txt", "parquet", "npy", "npz")
HELP = (
    f"x, y and, where there is one, class: at most {reading.MOST_BYTES // 2**20} MB, {reading.MOST_ROWS:,} points and "
    f"{len(distributions.LETTERS)} classes. They are kept on this server, for everyone who has the link."
)
RATE = 20, 60.0
_rate = Rate(*RATE)


def uploader(chosen: Callable[[str], None], *, key: str = "points") -> None:
    """A control that takes a file of points, keeps them and calls ``chosen`` with their distribution's name.

    A file that is refused is refused in a sentence below it.
    """
    st.file_uploader(
        "Own points",
        list(KINDS),
        key=key,
        on_change=_take,
        args=(key, chosen),
        help=HELP,
        max_upload_size=reading.MOST_BYTES // 2**20,
    )
    if words := st.session_state.get(f"{key}.refused"):
        st.error(plain(words))


def _take(key: str, chosen: Callable[[str], None]) -> None:
    file, context = st.session_state[key], get_script_run_ctx(suppress_warning=True)
    st.session_state[f"{key}.refused"] = ""
    if file is None:
        return
    session = context and context.session_id
    if not _rate.allows(session):
        st.session_state[f"{key}.refused"] = f"{RATE[0]} files were given here within {RATE[1]:g} s: wait a moment"
        return
    _rate.begun(session)
    try:
        chosen(store(file.getvalue(), file.name))
    except ValueError as error:
        st.session_state[f"{key}.refused"] = str(error)


def said(target: str) -> str:
    """A line on the points that a target is of, in Markdown; empty for a distribution of another kind."""
    on = distributions.of(target).on
    if not on.startswith(f"{FAMILY}-"):
        return ""
    keeping.used(on.partition(":")[0])
    return f"{facts(on).line(plain)}."


def unknown(target: str, chosen: Callable[[str], None]) -> bool:
    """Whether a target is of points that are not here: then the page says so, and takes them."""
    name = target.rpartition("/")[0].partition(":")[0]
    if not keeping.NAME.fullmatch(name) or not name.startswith(f"{FAMILY}-") or keeping.kept(name):
        return False
    st.warning(f"{plain(name)} is of points that are not on this server: give their file again.")
    uploader(chosen, key="points.again")
    return True
