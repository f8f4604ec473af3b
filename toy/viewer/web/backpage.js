// Once in a page, however often the server sends it.

import { staysBack } from "./back.js";

if (!globalThis.toyStaysBack) {
  globalThis.toyStaysBack = true;
  staysBack({ history, location, addEventListener });
}
