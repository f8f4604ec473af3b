"""What stands around every page: navigation and page configuration. Run by Streamlit for every visitor."""

from pathlib import Path

import streamlit as st

st.set_page_config(page_title="Guidance explorer", page_icon=":material/park:", layout="wide")

FOLDER = Path(__file__).parents[2] / "pages"
PAGES = [
    st.Page(FOLDER / "explore.py", title="Explore", icon=":material/park:", default=True),
    st.Page(FOLDER / "fields.py", title="Fields", icon=":material/gradient:", url_path="fields"),
    st.Page(FOLDER / "compare.py", title="Compare", icon=":material/show_chart:", url_path="compare"),
    st.Page(FOLDER / "mechanism.py", title="Mechanism", icon=":material/troubleshoot:", url_path="mechanism"),
    st.Page(FOLDER / "lab.py", title="Lab", icon=":material/science:", url_path="lab"),
    st.Page(FOLDER / "train.py", title="Train", icon=":material/model_training:", url_path="train"),
    st.Page(FOLDER / "figures.py", title="Figures", icon=":material/image:", url_path="figures"),
]
st.navigation(PAGES, position="hidden" if st.context.is_embedded else "top").run()
