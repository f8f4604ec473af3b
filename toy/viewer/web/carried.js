// The drawing that a page's address carries behind all else that it says, as toy/distributions/carrying.py has it.

export const CARRIED = "#drawing=";

// What an address's `hash` carries; empty where that is nothing.
export const carriedIn = (hash) => (hash.startsWith(CARRIED) ? hash.slice(CARRIED.length) : "");
