"""Settings from environment variables.

LLMSPELL_<SECTION>_<KEY> for each, with dots as underscores: LLMSPELL_ENGINES_LUA_STDLIB is
`engines.lua.stdlib`. The shorter names of `sources.SHORT_VARIABLES` mean the same, and
LLMSPELL_PROVIDER_<NAME>_<KEY> is a provider's setting.
"""

from __future__ import annotations

from collections.abc import Mapping

from llmspell_kernel.config import schema
from llmspell_kernel.config.documents import Key
from llmspell_kernel.config.layers import Origin, Values
from llmspell_kernel.config.sources import PREFIX, SHORT_VARIABLES, variables

_PROVIDER_KEYS = {"model": "default_model", "timeout": "timeout_seconds", "type": "provider_type"}


def variable_of(key: Key) -> str:
    """The systematic name of a setting's variable."""
    return PREFIX + "_".join(key).upper().replace("-", "_")


def read_environment(environ: Mapping[str, str]) -> tuple[Values, list[str]]:
    """The settings in the environment, as texts, and the variables that look like one but are none."""
    values: Values = {}
    unknown = []
    by_name = {variable_of(node.key): node.key for node in schema.leaves() if schema.ANY_NAME not in node.key}
    # Of two names for one setting the systematic one comes last, and counts.
    for name in sorted(variables(environ), key=lambda name: name in by_name):
        short = SHORT_VARIABLES.get(name)
        key = tuple(short.split(".")) if short else by_name.get(name) or _provider_key(name)
        if key is None:
            unknown.append(name)
        else:
            values[key] = (environ[name], Origin("environment", name))
    return values, unknown


def _provider_key(name: str) -> Key | None:
    for start in ("LLMSPELL_PROVIDERS_", "LLMSPELL_PROVIDER_"):
        if name.startswith(start):
            rest = name.removeprefix(start).lower()
            fields = schema.find(("providers", schema.ANY_NAME))
            assert fields is not None
            known = [child.key[-1] for child in fields.children]
            for field in (*known, *_PROVIDER_KEYS):
                provider = rest.removesuffix(f"_{field}")
                if provider != rest and provider:
                    return ("providers", provider, _PROVIDER_KEYS.get(field, field))
    return None
