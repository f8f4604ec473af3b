// A QR code as a component of Streamlit; its data are {text, label}.

import { qrPicture } from "./qrpicture.js";

export default ({ data, parentElement }) => parentElement.querySelector("[data-toy-qr]").replaceChildren(qrPicture(data.text, data.label));
