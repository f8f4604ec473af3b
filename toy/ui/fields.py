"""The Fields page."""

import numpy as np
import streamlit as st

import models
from toy import figures
from toy.guidance import RULES
from toy.scenes import ROLE_DEFAULTS, VIEWS
from toy.ui import linked
from toy.ui.engine import PREVIEW, Busy, engine
from toy.ui.gallery import Bytes

SIGMAS = [float(f"{s:.2g}") for s in np.geomspace(0.005, 5, 31)]


def page() -> None:
    """Choose a rule, a cast, a noise level and a window."""
    guided = [name for name, rule in RULES.items() if len(rule.roles) > 1]
    with st.sidebar:
        rule = linked.select("Method", guided, "rule", "autoguidance", format_func=lambda name: RULES[name].title)
        cast = {role: linked.density(role, role, ROLE_DEFAULTS.get(role, "exact:A")) for role in RULES[rule].roles}
        view = linked.select("view", list(VIEWS), "view", "tree")
        arrows = st.toggle("scores as arrows", value=True, key="arrows", bind="query-params")
    sigma = linked.levels("noise level σ", "sigma", SIGMAS, SIGMAS[8])
    options = figures.Options(cast=cast, sigma=sigma, view=VIEWS[view])

    def work() -> Bytes:
        drawn = figures.fields(models.load, rule, options, with_arrows=arrows)
        return Bytes(figures.encode(drawn, "png", {"title": "fields", "sigma": f"{sigma:g}"}))

    try:
        picture = engine().get(("fields", rule, options, arrows), work, priority=PREVIEW, wait=10)
    except Busy as busy:
        st.warning(f"The server is busy: {busy}. Try again in a few seconds.")
        return
    st.image(bytes(picture), width="stretch")
    st.caption(RULES[rule].formula)
