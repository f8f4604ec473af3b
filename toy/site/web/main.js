// The page Explore.

import { explore } from "./explore.js";
import { Files } from "./files.js";

window.toySite = explore(new Files()).catch((error) => {
  document.querySelector("main").textContent = `This page could not be opened: ${error.message}`;
  throw error;
});
