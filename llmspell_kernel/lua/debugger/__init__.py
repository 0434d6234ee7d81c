"""The debugger's core: breakpoints, stepping, frames and variables of one Lua state. Knows no protocol."""
