// What the site calls densities by their names, for a test in Python: a list in, a list out.

import { readFileSync } from "node:fs";

import { called } from "../../toy/site/web/captions.js";

// Asked with "-", it reads what it is given; run among tests it has nothing to say.
if (process.argv[2] !== "-") process.exit(0);
console.log(JSON.stringify(JSON.parse(readFileSync(0, "utf-8")).map(called)));
