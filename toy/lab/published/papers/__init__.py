"""Claims of single papers on the distributions that the papers reason about: a file a paper, found by itself."""
