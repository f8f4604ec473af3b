"""What has been said about guidance, as claims: each a short function with its source and its threshold.

Thresholds come from what would matter to a reader. They were written down before a claim's first run and stay, though
some effects were known from the README and the pages of methods, of one training each. Weights are those of the paper's
Figure 1, w = 3 for autoguidance and w = 4 for CFG, unless a claim says others. The paper's evidence is in FID on
ImageNet, which charges for quality and variation at once; the toy has a measure for each, outliers and branch TV, and
for both at once the KL divergence of the density that a sampler draws from the true one, which is exact. Where a
sampler is random and has no such density, the sliced Wasserstein distance stands in.
"""

from toy.lab.published.causes import *  # noqa: F403
from toy.lab.published.lengths import *  # noqa: F403
from toy.lab.published.outcomes import *  # noqa: F403
from toy.lab.published.schedules import *  # noqa: F403
from toy.lab.published.variants import *  # noqa: F403
