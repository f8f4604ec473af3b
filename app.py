"""The app: a server that starts its engine. ``streamlit run app.py``; toy/ui/frame.py is what visitors see."""

import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import streamlit as st

from toy.ui.following import ROUTES
from toy.ui.startup import engine, prepare

HEAD_START = 1.0  # seconds in which a first visitor gets the shipped picture, before compiling takes the processor


@asynccontextmanager
async def with_engine(_: st.App) -> AsyncIterator[None]:
    """Import before the server listens, and compile when it starts, not when somebody waits for it."""
    prepare()
    timer = threading.Timer(HEAD_START, engine)
    timer.daemon = True
    timer.start()
    yield
    timer.cancel()


app = st.App(Path(__file__).parent / "toy" / "ui" / "frame.py", lifespan=with_engine, routes=ROUTES)
