"""The way from noise to samples as an animated GIF."""

import io
from collections.abc import Sequence

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from PIL import Image

from toy.captions import captions
from toy.figures.panels import captioned, outline, panel, style
from toy.palette import PAGES, colour_of
from toy.scenes import Frame
from toy.views import window

BETWEEN = 2  # pictures for each step of the sampler
PIXELS = 960


def animation(frames: Sequence[Frame], *, seconds: float = 5.0, dark: bool = False) -> bytes:
    """The whole paths of several Frames beside each other, along the sampler's own steps; ValueError without paths.

    Between two steps a particle moves in a straight line, as the integrator moved it. The last picture is held.
    """
    if any(len(frame.path) < 2 for frame in frames):
        raise ValueError("an animation needs the whole path: compute the frame with keep=True")
    with style():
        figure, axes, titles = captioned(captions(*(frame.scene for frame in frames)))
        figure.set_facecolor(PAGES[dark])
        figure.set_dpi(PIXELS / figure.get_figwidth())
        canvas = FigureCanvasAgg(figure)
        artists = []
        for ax, frame, title in zip(axes, frames, titles, strict=True):
            view = window("tree", frame.scene.target)
            panel(ax, view, title)
            ax.set_facecolor(PAGES[dark])
            ax.xaxis.label.set_color(colour_of("ink", dark))
            outline(ax, frame.scene.target, view=view, dark=dark)
            style_of_dots = {"linestyle": "none", "marker": "o", "markersize": 1.2, "markeredgewidth": 0}
            artists += ax.plot([], [], color=colour_of("ink", dark), animated=True, **style_of_dots)
        canvas.draw()
        empty = canvas.copy_from_bbox(figure.bbox)
        pictures = []
        steps = len(frames[0].path) - 1
        for t in np.linspace(0, steps, steps * BETWEEN + 1):
            low = min(int(t), steps - 1)
            canvas.restore_region(empty)
            for artist, frame in zip(artists, frames, strict=True):
                x = frame.path[low] + (t - low) * (frame.path[low + 1] - frame.path[low])
                artist.set_data(x[:, 0], x[:, 1])
                assert artist.axes is not None
                artist.axes.draw_artist(artist)
            pictures.append(Image.fromarray(np.asarray(canvas.buffer_rgba())[..., :3]).quantize(64))
    each = int(1000 * seconds / len(pictures))
    buffer = io.BytesIO()
    durations = [each] * (len(pictures) - 1) + [1500]
    pictures[0].save(buffer, "GIF", save_all=True, append_images=pictures[1:], duration=durations, loop=0)
    return buffer.getvalue()
