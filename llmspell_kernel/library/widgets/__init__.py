"""Sliders, buttons and the rest of ipywidgets: the global `widgets`."""
