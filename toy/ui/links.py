"""What each page remembers of its link: the pages share a session and an address bar, and nothing else."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn
from urllib.parse import urlencode

import streamlit as st

from toy.ui.words import plain

EMBED = ("embed", "embed_options", "lecture")  # how a page is looked at, which is no part of what it shows


@dataclass
class Link:
    """One page's part of a session.

    ``seen`` is what the URL says of the page, as it was last read or written; ``kept`` what its widgets hold, ``usual``
    their defaults, ``notes`` what was asked for in vain, ``drawn`` the parameters that this run asked for.
    """

    page: str = ""
    seen: dict[str, str] = field(default_factory=dict)
    kept: dict[str, Any] = field(default_factory=dict)
    usual: dict[str, object] = field(default_factory=dict)
    notes: dict[str, tuple[str, float]] = field(default_factory=dict)
    read: set[str] = field(default_factory=set)
    drawn: set[str] = field(default_factory=set)
    changed: bool = False
    touched: bool = False

    def news(self, key: str) -> bool:
        """Whether the URL says something else of ``key`` than before: it was pasted, followed, or gone back to.

        Where a widget was touched the browser asked before it knew what was written last: then it has no news.
        """
        said, first = st.query_params.get(key), key not in self.read
        self.read.add(key)
        self.drawn.add(key)
        if said == self.seen.get(key) or (self.touched and not first):
            return first
        self._see(key, said)
        return True

    def write(self, key: str, value: str | None) -> None:
        """Have the URL say ``value`` of ``key``, or nothing, at the next ``flush``."""
        self._see(key, value)
        self.changed = True

    def flush(self, *, whole: bool = False) -> None:
        """Write what changed, all at once: it is one step in the browser's history.

        ``whole`` after a run of the whole page: what it did not ask for is then no part of its link any more.
        """
        if self.changed:
            if whole:
                self.seen = {key: value for key, value in self.seen.items() if key in self.drawn}
            self.replace(self.seen)
        if whole:
            self.drawn.clear()
        self.changed = self.touched = False

    def say(self, query: Mapping[str, str], keys: Iterable[str]) -> None:
        """Have the URL say of these parameters what ``query`` does, at once."""
        for key in keys:
            if self.seen.get(key) != query.get(key):
                self.write(key, query.get(key))
        self.flush()

    def replace(self, query: Mapping[str, str]) -> None:
        """Have the URL say this of the page and no more."""
        self.seen = dict(query)
        now = st.query_params.to_dict()
        wanted = {key: value for key, value in now.items() if key in EMBED} | self.seen
        if wanted != now:
            st.query_params.from_dict(wanted)

    def _see(self, key: str, value: str | None) -> None:
        if value is None:
            self.seen.pop(key, None)
        else:
            self.seen[key] = value


def begin(page: str) -> None:
    """This page runs now."""
    st.session_state["page"] = page


def here() -> Link:
    """The link of the page that runs."""
    return of(st.session_state.get("page", ""))


def of(page: str) -> Link:
    """The link of a page."""
    return st.session_state.setdefault("links", {}).setdefault(page, Link(page))


def rerun() -> NoReturn:
    """Run the page again, with the URL that this run has made: without it the next would read the one of before."""
    here().flush()
    st.rerun()


def said() -> dict[str, str]:
    """What the URL says of what is shown."""
    return {key: value for key, value in st.query_params.to_dict().items() if key not in EMBED}


def address() -> str:
    """The page's own address, without what it says."""
    return (st.context.url or "").split("?")[0]


def show() -> None:
    """The link of the page as it is, to be copied."""
    query = urlencode(here().seen, safe=",:@")
    st.code(f"{address()}?{query}" if query else address(), language=None, wrap_lines=True)


def show_command(words: str) -> None:
    """A command line, to be copied."""
    st.code(words, language="bash", wrap_lines=True)


def refused(*notes: str) -> None:
    """Say what a link asks for in vain, a sentence each."""
    for note in notes:
        st.warning(f"Not taken from the link: {plain(note)}")
