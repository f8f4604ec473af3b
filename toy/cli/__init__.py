"""The commands of ``python -m toy``, one file each; those of the laboratory are in ``toy.lab.commands``."""
