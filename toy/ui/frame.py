"""What stands around every page: navigation and page configuration. Run by Streamlit for every visitor."""

from pathlib import Path

import streamlit as st

from toy.ui import carried, links, shell
from toy.viewer.sources import VIEWER

# A page's icon would be asked for at another host: the server's own is the only one.
st.set_page_config(page_title="Guidance explorer", page_icon=str(VIEWER / "icon.svg"), layout="wide")

FOLDER = Path(__file__).parents[2] / "pages"
PAGES = [
    st.Page(FOLDER / "explore.py", title="Explore", default=True),
    st.Page(FOLDER / "learn.py", title="Learn", url_path="learn"),
    st.Page(FOLDER / "fields.py", title="Fields", url_path="fields"),
    st.Page(FOLDER / "compare.py", title="Compare", url_path="compare"),
    st.Page(FOLDER / "mechanism.py", title="Mechanism", url_path="mechanism"),
    st.Page(FOLDER / "lab.py", title="Lab", url_path="lab"),
    st.Page(FOLDER / "train.py", title="Train", url_path="train"),
    st.Page(FOLDER / "figures.py", title="Figures", url_path="figures"),
]
page = st.navigation(PAGES, position="hidden")
shell.begin(PAGES, page)
try:
    carried.take()
    page.run()
    links.here().flush(whole=True)
finally:  # a page that waits for something stops halfway
    links.here().flush()
