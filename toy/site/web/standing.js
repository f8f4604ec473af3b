// Who stands in where the page does not have a density: a network that it lacks is played by the exact density of its
// classes, and a guide that is then what main is by that density blurred: else it would guide by nothing.

import { isDrawing } from "./drawings.js";
import { Name } from "./names.js";

// The scene as it can be computed and why it is not the one that was asked, or null and why there is none.
export function standIn(scene, all) {
  const { whole } = all.rules.get(scene.rule);
  const lacks = ([role, name]) => !all.known.has(name) || (whole.includes(role) && Name.parse(name).network && !all.whole.networks.includes(name));
  const absent = [...scene.cast].filter(lacks).map(([, name]) => name);
  if (!absent.length) return { scene, words: "" };
  const exact = (name) => String(Name.parse(name).exact());
  const cast = new Map([...scene.cast].map(([role, name]) => [role, Name.parse(name).exactly || Name.parse(name).items.length ? name : exact(name)]));
  const main = cast.get("main");
  for (const [role, name] of cast) if (role !== "main" && name === main && name !== scene.cast.get(role)) cast.set(role, name + all.blurred);
  const lacking = [...cast].find(lacks);
  if (lacking) return { scene: null, words: `needs the app: ${lacking[1]} is not on this page` };
  const why = isDrawing(all.onOf(absent[0], scene.target)) ? "networks of a drawing are trained by the app" : `${absent[0]} is not on this page`;
  return { scene: Object.freeze({ ...scene, cast }), words: `${why}: exact densities stand in` };
}
