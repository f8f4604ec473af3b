"""What a visitor's browser is told of any drawing, so that it answers a stroke before the server has heard of it."""

import re
from dataclasses import replace

from toy.browser import told
from toy.browser.truth import of_drawings
from toy.captions import captions
from toy.distributions.strokes import EXAMPLE, Stroke, store
from toy.inputs import Json
from toy.state import SLOTS, State
from toy.ui import casting
from toy.viewer import computing, packs

THREE = (*EXAMPLE, Stroke("C", EXAMPLE[0].width, EXAMPLE[0].at * [1, 0]))  # A, what is not A, and all are three things
PLAYED = re.compile(rf"exact:strokes-\w+/[A-Z]+(~blur=[\d.e-]+)?({re.escape(told.WHOLE)})?")


def sketch(state: State) -> dict[str, object] | None:
    """How a drawing would be shown in the state's place, said of one whose classes are A, B and C.

    ``some`` where of these A is shown, ``all``, and ``alone`` where there is no class but A: of each side title,
    caption, words for what it waits for, and who plays by role, all of them exact. ``lead`` is what stands above,
    ``measures`` and ``sigmas`` what is known of any drawing. None where somebody plays whose density the browser cannot
    make, or where a ``prior`` may follow the target.
    """
    on, alone = store(THREE), store(THREE[:1])
    targets = {"some": f"{on}/A", "all": f"{on}/ABC", "alone": f"{alone}/A"}
    try:
        asked = {name: state.change("left", target=target) for name, target in targets.items()}
        found: dict[str, Json] = {name: _shown(each) for name, each in asked.items()}
    except ValueError:
        return None
    some = asked["some"]
    if any("prior" in dict(some.scene(slot).knobs) for slot in SLOTS):
        return None
    names = [name for sides in found.values() for side in sides.values() for name in side["cast"].values()]
    if not all(PLAYED.fullmatch(name) for name in names):
        return None
    lead = packs.lead(some, {slot: computing.stand_in(some.scene(slot), "") for slot in SLOTS})
    return found | {"lead": lead} | of_drawings()


def _shown(asked: State) -> Json:
    titles = captions(*(asked.scene(slot) for slot in SLOTS), knobs=False)
    sides = {}
    for slot, title in zip(SLOTS, titles, strict=True):
        scene = asked.scene(slot)
        shown = casting.so_far(scene)
        words = {
            "title": title,
            "caption": captions(replace(shown, n=scene.n), scene)[0],
            "pending": casting.SOON if shown != scene else "",
        }
        sides[slot] = words | {"cast": told.played(shown)}
    return sides
