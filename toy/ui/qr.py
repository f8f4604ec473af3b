"""A QR code on a page: for those who sit in front of the screen."""

from collections.abc import Callable

import streamlit as st

from toy.viewer.sources import VIEWER, bundle

HTML = '<div data-toy-qr data-testid="qr"></div>'
CSS = "svg { display: block; width: min(260px, 100%); margin: 0 auto; }"


@st.cache_resource
def _component() -> Callable[..., object]:
    script = bundle(VIEWER / "qrview.js")
    return st.components.v2.component("toy_qr", html=HTML, css=CSS, js=script, isolate_styles=True)


def code(text: str, key: str, label: str = "QR code of the link") -> None:
    """Show a text, a link say, as a QR code; one that is too long for it is said to be so."""
    _component()(key=key, data={"text": text, "label": label})
