"""Settings: typed, from layers of TOML files, the environment and the command line.

`sources` tells cheaply whether there is anything to read; `loading.load` reads it.
"""
