// What this browser keeps by name. Storage may be forbidden: then nothing is there, and what is kept is so by the page alone.

export function storedHere(name, storage = () => localStorage) {
  try {
    return storage().getItem(name);
  } catch {
    return null;
  }
}

export function storeHere(name, text, storage = () => localStorage) {
  try {
    storage().setItem(name, text);
  } catch {
    // As above.
  }
}

// What a text says in JSON; null where that is nothing.
export function parsedJson(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
