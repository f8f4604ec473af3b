"""What a visitor's own browser needs to compute a scene: traced programs, and numbers of densities.

A rule, a schedule, an integrator, a measure stay one Python function each; nothing of them is written in JavaScript.
"""
