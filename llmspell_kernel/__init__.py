"""LLMSpell for Python: Lua notebooks, scripts and services on Jupyter's protocol."""

__version__ = "0.1.0"

__all__ = ["__version__"]
