// Tells the server which drawing the page's address carries, as a component of Streamlit: a server is never told so by the address.

import { carriedIn } from "./carried.js";

export default ({ setStateValue }) => setStateValue("drawing", carriedIn(location.hash));
