"""Frame of the app: navigation and page configuration. ``streamlit run app.py``."""

import streamlit as st

st.set_page_config(page_title="Guidance explorer", page_icon=":material/park:", layout="wide")

PAGES = [
    st.Page("pages/explore.py", title="Explore", icon=":material/park:", default=True),
    st.Page("pages/fields.py", title="Fields", icon=":material/gradient:", url_path="fields"),
    st.Page("pages/train.py", title="Train", icon=":material/model_training:", url_path="train"),
    st.Page("pages/figures.py", title="Figures", icon=":material/image:", url_path="figures"),
]
st.navigation(PAGES, position="top").run()
