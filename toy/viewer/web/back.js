// Going back leads where it leads. What the server says of a page whose run was going already comes late: Streamlit
// would put that page into the history again, in front of the one that was gone back to. Until somebody presses
// something, no other page takes the place of that one.

export function staysBack({ history, location, addEventListener }) {
  const push = history.pushState.bind(history);
  let path = null; // of the page that was gone back to
  addEventListener("popstate", () => {
    path = location.pathname;
  });
  for (const kind of ["pointerdown", "keydown"]) {
    addEventListener(kind, () => {
      path = null;
    }, true);
  }
  history.pushState = (state, title, url) => {
    if (path === null || new URL(url ?? location, location).pathname === path) push(state, title, url);
  };
}
