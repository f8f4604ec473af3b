// The site's pages: each names itself in the body of its document.

import { explore } from "./explore.js";
import { Files } from "./files.js";

const PAGES = { explore };

const opened = PAGES[document.body.dataset.page];
window.toySite = opened?.(new Files()).catch((error) => {
  document.querySelector("main").textContent = `This page could not be opened: ${error.message}`;
  throw error;
});
