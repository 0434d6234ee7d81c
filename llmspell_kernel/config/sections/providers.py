"""`[providers.*]`."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta, Struct, field


class Provider(Struct, frozen=True, forbid_unknown_fields=True):
    """A provider of models; keys that are not listed here are kept for it as options."""

    provider_type: Annotated[
        str,
        Meta(description="The kind of provider (openai, anthropic, ollama ...); the table's name if empty."),
    ] = ""
    enabled: Annotated[bool, Meta(description="Whether it is offered.")] = True
    base_url: Annotated[str, Meta(description="Where its service is; the provider's own if empty.")] = ""
    api_key_env: Annotated[
        str, Meta(description="The environment variable that holds the key; <NAME>_API_KEY if empty.")
    ] = ""
    api_key: Annotated[
        str,
        Meta(description="The key itself. Better kept in the environment.", extra={"secret": True}),
    ] = ""
    default_model: Annotated[str, Meta(description="The model that is used if none is named.")] = ""
    max_tokens: Annotated[
        int, Meta(ge=0, description="Tokens of an answer; 0 for the provider's own limit.")
    ] = 0
    temperature: Annotated[
        float | None, Meta(description="From 0 (steady) to 2 (varied); the provider's own if not set.")
    ] = None
    timeout_seconds: Annotated[float, Meta(ge=0, description="Seconds that an answer may take.")] = 60.0
    max_retries: Annotated[int, Meta(ge=0, description="How often a failed request is repeated.")] = 3
    options: Annotated[
        dict[str, Any],
        Meta(description="Everything else in the table.", extra={"rest": True}),
    ] = field(default_factory=dict)


class Providers(Struct, frozen=True, forbid_unknown_fields=True):
    """Where models come from: `default_provider`, and a table for each provider."""

    default_provider: Annotated[str, Meta(description="The provider that is used if none is named.")] = ""
    named: Annotated[
        dict[str, Provider],
        Meta(description="The providers by name.", extra={"rest": True}),
    ] = field(default_factory=dict)
