"""UUIDs and ids made of them."""

from __future__ import annotations

import os
import re
import time
import uuid
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from msgspec import Meta, Struct

from llmspell_kernel.errors import ParameterError
from llmspell_kernel.library.tool.builtin.support import missing
from llmspell_kernel.library.tool.contract import Tool, operation

if TYPE_CHECKING:
    from llmspell_kernel.library.tool.surroundings import Surroundings

NAMESPACES = {
    "dns": uuid.NAMESPACE_DNS,
    "url": uuid.NAMESPACE_URL,
    "oid": uuid.NAMESPACE_OID,
    "x500": uuid.NAMESPACE_X500,
}

_FORMS = {
    "standard": re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE | re.ASCII),
    "simple": re.compile(r"[0-9a-f]{32}", re.IGNORECASE | re.ASCII),
    "urn": re.compile(r"urn:uuid:[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE | re.ASCII),
    "braced": re.compile(r"\{[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\}", re.IGNORECASE | re.ASCII),
}
_PART = re.compile(r"[A-Za-z0-9_.:-]{0,100}", re.ASCII)


class UuidGenerator(Tool):
    """Makes UUIDs of versions 1, 3, 4, 5 and 7, ids for components, and checks UUIDs."""

    name, category, level = "uuid-generator", "utility", "safe"
    aliases = ("uuid",)
    example: ClassVar[dict[str, Any]] = {
        "operation": "deterministic",
        "namespace": "dns",
        "name": "example.org",
    }

    class Parameters(Struct, kw_only=True, forbid_unknown_fields=True):
        """What it takes."""

        operation: Annotated[
            Literal["generate", "component_id", "deterministic", "custom", "validate"],
            Meta(description="What to do."),
        ] = "generate"
        version: Annotated[
            Literal["v1", "v3", "v4", "v5", "v7"],
            Meta(
                description="v4 is random, v7 sorts by time, v1 has the time and this machine's address, v3 "
                "and v5 are made of `namespace` and `name`."
            ),
        ] = "v4"
        format: Annotated[
            Literal["standard", "simple", "urn", "braced"], Meta(description="How it is written.")
        ] = "standard"
        namespace: Annotated[str, Meta(description="dns, url, oid, x500, or a UUID; dns if not given.")] = ""
        name: Annotated[str, Meta(description="What v3, v5 and `deterministic` are made of.")] = ""
        prefix: Annotated[str, Meta(description="Put before an id.")] = ""
        suffix: Annotated[str, Meta(description="Put after a custom id.")] = ""
        short: Annotated[bool, Meta(description="Whether an id has 8 of the 32 digits only.")] = False
        timestamp: Annotated[bool, Meta(description="Whether an id has the time in it.")] = False
        uuid: Annotated[str, Meta(description="What to validate.")] = ""

    @operation("generate")
    def generate(self, given: Parameters, tools: Surroundings) -> object:
        """Makes a UUID: {uuid, version, format}."""
        if given.version in ("v3", "v5"):
            if not given.name:
                raise missing(self.name, "name", f"a UUID {given.version} is made of it")
            space = self._namespace(given)
            made = uuid.uuid3(space, given.name) if given.version == "v3" else uuid.uuid5(space, given.name)
        elif given.version == "v7":
            made = _uuid7()
        else:
            made = uuid.uuid1() if given.version == "v1" else uuid.uuid4()
        return {"uuid": _written(made, given.format), "version": given.version, "format": given.format}

    @operation("deterministic", needs=("name",))
    def deterministic(self, given: Parameters, tools: Surroundings) -> object:
        """Makes the UUID v5 of `namespace` and `name`: {uuid, version, format, namespace, name}."""
        made = uuid.uuid5(self._namespace(given), given.name)
        return {
            "uuid": _written(made, given.format),
            "version": "v5",
            "format": given.format,
            "namespace": given.namespace or "dns",
            "name": given.name,
        }

    @operation("component_id")
    def component_id(self, given: Parameters, tools: Surroundings) -> object:
        """Makes an id such as `agent-1f0c...`: {id, prefix, short, timestamp}."""
        return {
            "id": self._id(given, given.prefix or "component", ""),
            "prefix": given.prefix or "component",
            "short": given.short,
            "timestamp": given.timestamp,
        }

    @operation("custom")
    def custom(self, given: Parameters, tools: Surroundings) -> object:
        """Makes an id with `prefix`, `suffix`, time: {id, prefix, suffix, short, timestamp}."""
        return {
            "id": self._id(given, given.prefix, given.suffix),
            "prefix": given.prefix,
            "suffix": given.suffix,
            "short": given.short,
            "timestamp": given.timestamp,
        }

    @operation("validate", needs=("uuid",))
    def validate(self, given: Parameters, tools: Surroundings) -> object:
        """Tells whether `uuid` is one: {valid, uuid, version, variant, format} or {valid, uuid, error}."""
        text = given.uuid.strip()
        form = next((name for name, pattern in _FORMS.items() if pattern.fullmatch(text)), None)
        if form is None:
            return {
                "valid": False,
                "uuid": given.uuid,
                "error": "32 hexadecimal digits were expected, in groups of 8-4-4-4-12 or in one",
            }
        found = uuid.UUID(text)
        version = {uuid.UUID(int=0): "nil", uuid.UUID(int=(1 << 128) - 1): "max"}.get(
            found, f"v{found.version}" if found.version else "unknown"
        )
        return {
            "valid": True,
            "uuid": str(found),
            "version": version,
            "variant": found.variant.removeprefix("specified in "),
            "format": form,
        }

    def _namespace(self, given: Parameters) -> uuid.UUID:
        name = given.namespace.strip().lower() or "dns"
        if known := NAMESPACES.get(name):
            return known
        try:
            return uuid.UUID(name)
        except ValueError:
            raise ParameterError(
                self.name, [f"namespace must be dns, url, oid, x500 or a UUID, not {given.namespace!r}"]
            ) from None

    def _id(self, given: Parameters, prefix: str, suffix: str) -> str:
        for name, part in (("prefix", prefix), ("suffix", suffix)):
            if not _PART.fullmatch(part):
                raise ParameterError(
                    self.name, [f"{name} may have up to 100 letters, digits and _ . : - only, not {part!r}"]
                )
        made = uuid.uuid4()
        parts = [prefix, time.strftime("%Y%m%d%H%M%S", time.gmtime()) if given.timestamp else ""]
        parts += [made.hex[:8] if given.short else str(made), suffix]
        return "-".join(part for part in parts if part)


def _uuid7() -> uuid.UUID:
    """RFC 9562: 48 bits of milliseconds, then random ones."""
    value = (time.time_ns() // 1_000_000 & ((1 << 48) - 1)) << 80 | int.from_bytes(os.urandom(10), "big")
    value = value & ~(0xF << 76) | 0x7 << 76
    return uuid.UUID(int=value & ~(0x3 << 62) | 0x2 << 62)


def _written(made: uuid.UUID, form: str) -> str:
    match form:
        case "simple":
            return made.hex
        case "urn":
            return made.urn
        case "braced":
            return f"{{{made}}}"
        case _:
            return str(made)
