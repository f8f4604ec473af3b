"""The explorer without a server: a folder for any static host, and one file; the visitor's browser computes."""
# ruff: noqa: F401

from toy.site.building import build, single
