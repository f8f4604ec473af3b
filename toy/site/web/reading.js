// A page that is read: its words came with it, and only what stands around them is made here.

import { Shell } from "./shell.js";

window.toySite = Promise.resolve(new Shell());
