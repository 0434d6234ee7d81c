"""`python -m tools.reference`: writes the reference pages that are generated from the package."""

from __future__ import annotations
