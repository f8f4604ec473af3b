// What every page begins with.

import { readWords, speak } from "../../viewer/web/language.js";
import { Address } from "./address.js";
import { Catalogue } from "./catalogue.js";
import { Files } from "./files.js";
import { Headers } from "./header.js";
import { States } from "./link.js";

// In the language of the link: the address, all that there is to choose, what links say of it, and the headers of packs.
export async function begin(files) {
  const address = new Address();
  readWords((name) => files.json(`words/${name}.json`));
  await speak(new URLSearchParams(address.query).get("language") ?? "en");
  const all = new Catalogue(await files.json("catalogue.json"));
  const states = new States(all);
  return { address, all, states, headers: new Headers(states) };
}

// Opens a page, or says why it cannot be opened.
export function openPage(page) {
  window.toySite = page(new Files()).catch((error) => {
    document.querySelector("main").textContent = `This page could not be opened: ${error.message}`;
    throw error;
  });
}
