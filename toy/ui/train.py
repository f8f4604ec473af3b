"""The Train page."""

import re

import numpy as np
import streamlit as st

from models import stored
from models.mlp import Spec
from models.training import LOSSES, Recipe
from toy.captions import named
from toy.scene import SETTINGS
from toy.settings import declared
from toy.state import MOST
from toy.ui import linked
from toy.ui.engine import engine
from toy.ui.trainer import Run, Trainer, keep, picture, trainer
from toy.ui.words import plain

SPEC, RECIPE = declared(Spec), declared(Recipe)
USUAL = {"width": 32, "iterations": 512}  # quicker than what is shipped
LEAST = {"width": 8, "depth": 1, "iterations": 64}


def doubled(name: str) -> list[int]:
    """From the least on, each twice the one before, up to the most that a page trains."""
    return [LEAST[name] << i for i in range((MOST[name] // LEAST[name]).bit_length())]


def page() -> None:
    """Choose a recipe, watch it learn, keep what is good."""
    found = trainer(engine())
    with st.sidebar:
        classes = linked.target(SPEC["classes"].default, SPEC["classes"].label, key="classes")
        width = linked.one(SPEC["width"], doubled("width"), USUAL["width"])
        depth = linked.one(SPEC["depth"], range(LEAST["depth"], MOST["depth"] + 1))
        iterations = linked.one(RECIPE["iterations"], doubled("iterations"), USUAL["iterations"])
        loss = linked.one(RECIPE["loss"], LOSSES)
        seed = linked.whole(SETTINGS["seed"], "seed")
        if st.button(
            "Train", type="primary", width="stretch", icon=":material/model_training:", on_click=linked.touched
        ):
            try:
                started = found.start(Recipe(Spec(classes, width, depth), iterations, seed=seed, loss=loss))
                linked.hide("run", str(started.number))
            except ValueError as error:
                st.error(plain(error))
    run = _chosen(found)
    if run is None:
        st.subheader("Train a denoiser and watch it learn")
        st.write(
            "A network learns the score of the tree from its exact value. Few iterations or little width make a weak "
            "model: a guide for autoguidance. Choose a recipe on the left and press Train; what you keep can play "
            "any role."
        )
        _kept()
        return
    _watch(run)
    _kept()


def _chosen(found: Trainer) -> Run | None:
    """The training on the page: the one started here, or the one in the URL, so that a reload finds it again."""
    number = linked.hidden("run")
    if not number:
        return None
    run = found.runs.get(int(number)) if number.isdecimal() and len(number) < 10 else None
    if run is None:
        st.warning(
            f"Not taken from the link: run = {plain(number, 80)} is no training of this server; "
            "what was kept is still there"
        )
    return run


@st.fragment(run_every=1.0)
def _watch(run: Run) -> None:
    recipe = run.recipe
    words = f"{named(recipe.spec.classes)}, width {recipe.spec.width}, {recipe.iterations} iterations"
    st.subheader(f"{words[0].upper()}{words[1:]}, seed {recipe.seed}")
    st.progress(run.step / recipe.iterations, f"{run.status}, iteration {run.step} of {recipe.iterations}")
    if run.status == "failed":
        st.error(f"The training stopped: {plain(run.message)}")
    left, right = st.columns(2)
    with left:
        if run.losses:
            steps = np.minimum(np.arange(1, len(run.losses) + 1) * (run.step / len(run.losses)), run.step)
            st.line_chart(
                {"iteration": steps, "loss": np.log10(run.losses)}, x="iteration", y="loss", y_label="log10 of the loss"
            )
        elif not run.ended:
            st.info("Compiling the training loop.")
    with right:
        key = (run.number, run.step // 64, run.ended)
        if st.session_state.get("picture_key") != key or st.session_state.picture is None:
            st.session_state.picture, st.session_state.picture_key = picture(run), key
        if st.session_state.get("picture"):
            st.image(st.session_state.picture, width="stretch", alt="Samples of the network as it is now")
    pause, stop, name, save = st.columns([1, 1, 2, 1], vertical_alignment="bottom")
    if run.status == "paused":
        pause.button("Go on", on_click=run.resume, width="stretch")
    else:
        pause.button("Pause", on_click=run.pause, width="stretch", disabled=run.ended)
    stop.button("Stop", on_click=run.stop, width="stretch", disabled=run.ended)
    suggestion = f"{re.sub('[/:=.]', '-', recipe.spec.classes)}{recipe.spec.width}-{recipe.iterations}-{recipe.seed}"
    chosen = name.text_input("Name", suggestion, key=f"name.{run.number}", max_chars=32)
    if save.button("Keep", width="stretch", disabled=run.net is None):
        try:
            found = keep(run, chosen)
            taken = "" if found == f"kept:{chosen}" else f" The name {plain(chosen)} was taken."
            st.session_state.kept_message = f"Kept.{taken} It can play any role under the name {plain(found)}."
        except ValueError as error:
            st.session_state.kept_message = plain(error)
    if st.session_state.get("kept_message"):
        st.info(st.session_state.kept_message)


def _kept() -> None:
    names = stored.kept()
    if names:
        st.caption(f"Kept models: {plain(', '.join(names), 4000)}")
