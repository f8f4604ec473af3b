// Copying to the clipboard, where the browser lets a page do that.

// Whether the text was copied.
export async function copied(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}
