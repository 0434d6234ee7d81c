"""Charts from Lua tables, as Vega-Lite: the global `plot`."""
