"""Texts, numbers, dates, ids: what needs nothing but its parameters."""
