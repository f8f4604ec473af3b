"""Commands of the laboratory, one file each; ``toy.__main__`` takes them in."""
