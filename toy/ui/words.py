"""Text that comes from a link, a file or a visitor, on its way into what Streamlit reads as Markdown."""

import re


def plain(text: object, most: int = 400) -> str:
    """The text as one code span of Markdown: nothing in it is a link, a picture, an icon or HTML.

    A code span is the only thing that Streamlit's own additions (bare addresses, icons, arrows, colours) leave alone.
    Line breaks and control characters become spaces; beyond ``most`` characters it ends in an ellipsis.
    """
    line = " ".join(re.sub(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]", " ", str(text)).split())
    line = f"{line[:most]}…" if len(line) > most else line
    if not line:
        return "` `"
    fence = "`" * (max(map(len, re.findall("`+", line)), default=0) + 1)
    space = " " if line.startswith("`") or line.endswith("`") else ""
    return f"{fence}{space}{line}{space}{fence}"
