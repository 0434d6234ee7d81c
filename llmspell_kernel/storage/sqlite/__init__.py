"""The store in a file, for as many processes of one machine as want it."""
