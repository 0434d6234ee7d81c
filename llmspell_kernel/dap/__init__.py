"""The Debug Adapter Protocol over the debugger's core: the same adapter for editors (TCP) and notebooks."""
