// The page Explore.

import { openPage } from "./begin.js";
import { explore } from "./explore.js";

openPage(explore);
