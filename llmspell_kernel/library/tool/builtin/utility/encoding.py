"""Base64 and hashes."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from msgspec import Meta, Struct

from llmspell_kernel.errors import ParameterError
from llmspell_kernel.library.tool.builtin.support import QUICK, as_bytes, missing, wrong
from llmspell_kernel.library.tool.contract import Place, Tool, operation

if TYPE_CHECKING:
    import hashlib

    from llmspell_kernel.library.tool.surroundings import Surroundings

_STRING: dict[str, Any] = {"type": "string"}

MAX_FILE = 100 * 1024 * 1024
"""Bytes of a file that is hashed or encoded."""

CHUNK = 1024 * 1024

Algorithm = Literal[
    "md5", "sha1", "sha224", "sha256", "sha384", "sha512", "sha3-256", "sha3-512", "blake2b", "blake2s"
]


class Base64Encoder(Tool):
    """Encodes text, bytes and files as Base64, and decodes them.

    What is decoded and no UTF-8 text is answered as hexadecimal digits, with `binary` true; `binary_input`
    takes such digits and asks for them.
    """

    name, category, level = "base64-encoder", "utility", "safe"
    aliases = ("base64", "base64_encode")
    writes = ("output_file",)
    example: ClassVar[dict[str, Any]] = {"operation": "encode", "input": "Hello, Lua!"}

    class Parameters(Struct, kw_only=True, forbid_unknown_fields=True):
        """What it takes."""

        operation: Annotated[Literal["encode", "decode"], Meta(description="What to do.")]
        input: Annotated[
            Any, Meta(description="What to encode or decode.", extra_json_schema=dict(_STRING))
        ] = None
        input_file: Annotated[str, Meta(description="A file to read it from, instead of `input`.")] = ""
        output_file: Annotated[str, Meta(description="A file to write the output to, as it is.")] = ""
        variant: Annotated[
            Literal["standard", "url-safe"], Meta(description="The alphabet; url-safe has - and _.")
        ] = "standard"
        binary_input: Annotated[
            bool,
            Meta(description="Whether the bytes that are no Base64 are given and wanted in hexadecimal."),
        ] = False

    @classmethod
    def place(cls, given: Any) -> Place:
        """Files and long texts are worked on in a thread."""
        return _place(given.input, given.input_file)

    @operation("encode")
    def encode(self, given: Parameters, tools: Surroundings) -> object:
        """Encodes `input` or `input_file`: {output, variant, binary}."""
        data = self._given(given, tools)
        if given.binary_input and not given.input_file:
            try:
                data = binascii.unhexlify(b"".join(data.split()))
            except binascii.Error as error:
                raise ParameterError(
                    self.name, [f"input is not hexadecimal, which binary_input asks for: {error}"]
                ) from error
        encoder = base64.urlsafe_b64encode if given.variant == "url-safe" else base64.b64encode
        return self._answer(given, tools, encoder(data), binary=given.binary_input)

    @operation("decode")
    def decode(self, given: Parameters, tools: Surroundings) -> object:
        """Decodes `input` or `input_file`: {output, variant, binary}."""
        text = b"".join(self._given(given, tools).split())
        alphabet = None
        if given.variant == "url-safe":
            alphabet = b"-_"
            text = text.rstrip(b"=")
            text += b"=" * (-len(text) % 4)
        try:
            data = base64.b64decode(text, altchars=alphabet, validate=True)
        except (binascii.Error, ValueError) as error:
            hint = ""
            if given.variant == "standard" and (b"-" in text or b"_" in text):
                hint = "; with - and _ it looks like variant 'url-safe'"
            raise ParameterError(
                self.name, [f"input is not {given.variant} Base64: {error}{hint}"]
            ) from error
        return self._answer(given, tools, data, binary=given.binary_input)

    def _given(self, given: Parameters, tools: Surroundings) -> bytes:
        if given.input is not None and given.input_file:
            raise ParameterError(self.name, ["give either input or input_file, not both"])
        if given.input_file:
            return tools.files.read_bytes(given.input_file, MAX_FILE)
        if given.input is None:
            raise missing(self.name, "input", f"what to {given.operation}, or input_file")
        return as_bytes(self.name, "input", given.input)

    def _answer(self, given: Parameters, tools: Surroundings, data: bytes, *, binary: bool) -> object:
        if given.output_file:
            path = tools.files.write_bytes(given.output_file, data)
            return {
                "output_file": str(path),
                "bytes_written": len(data),
                "variant": given.variant,
                "binary": binary,
            }
        if given.operation == "encode":
            return {"output": data.decode("ascii"), "variant": given.variant, "binary": binary}
        if not binary:
            try:
                return {"output": data.decode(), "variant": given.variant, "binary": False}
            except UnicodeDecodeError:
                pass
        return {"output": data.hex(), "variant": given.variant, "binary": True}


class HashCalculator(Tool):
    """Computes and verifies hashes of texts and files.

    MD5 and SHA-1 tell whether data has changed by accident; they keep nobody from forging it.
    """

    name, category, level = "hash-calculator", "utility", "restricted"
    aliases = ("hash",)
    example: ClassVar[dict[str, Any]] = {"operation": "hash", "input": "Hello, Lua!"}

    class Parameters(Struct, kw_only=True, forbid_unknown_fields=True):
        """What it takes."""

        operation: Annotated[Literal["hash", "verify"], Meta(description="What to do.")]
        algorithm: Annotated[Algorithm, Meta(description="Which hash.")] = "sha256"
        input_type: Annotated[
            Literal["string", "file"] | None,
            Meta(description="What to hash; a file if only `file` is given."),
        ] = None
        input: Annotated[Any, Meta(description="The text to hash.", extra_json_schema=dict(_STRING))] = None
        file: Annotated[str, Meta(description="The file to hash.")] = ""
        format: Annotated[Literal["hex", "base64"], Meta(description="How the hash is written.")] = "hex"
        expected_hash: Annotated[str, Meta(description="What it should be.")] = ""
        expected_format: Annotated[
            Literal["hex", "base64"] | None,
            Meta(description="How `expected_hash` is written; as `format` says if not given."),
        ] = None

    @classmethod
    def place(cls, given: Any) -> Place:
        """Files and long texts are worked on in a thread."""
        return _place(given.input, given.file)

    @operation("hash")
    def hash(self, given: Parameters, tools: Surroundings) -> object:
        """Answers {algorithm, hash, format}."""
        digest = self._digest(given, tools)
        return {"algorithm": given.algorithm, "hash": _written(digest, given.format), "format": given.format}

    @operation("verify", needs=("expected_hash",))
    def verify(self, given: Parameters, tools: Surroundings) -> object:
        """Compares with `expected_hash`: {verified, algorithm, expected_hash, actual_hash, format}."""
        form = given.expected_format or given.format
        try:
            if form == "hex":
                expected = bytes.fromhex(given.expected_hash)
            else:
                expected = base64.b64decode(given.expected_hash, validate=True)
        except ValueError as error:
            raise wrong(self.name, "expected_hash", f"a hash in {form}", given.expected_hash) from error
        digest = self._digest(given, tools)
        if len(expected) != len(digest):
            raise ParameterError(
                self.name,
                [
                    f"expected_hash has {len(expected)} bytes, and {given.algorithm} has {len(digest)}: "
                    "name the algorithm that made it"
                ],
            )
        import hmac

        return {
            "verified": hmac.compare_digest(expected, digest),
            "algorithm": given.algorithm,
            "expected_hash": given.expected_hash,
            "actual_hash": _written(digest, form),
            "format": form,
        }

    def _digest(self, given: Parameters, tools: Surroundings) -> bytes:
        kind = given.input_type or ("file" if given.file and given.input is None else "string")
        digest = _hasher(given.algorithm)()
        if kind == "string":
            if given.input is None:
                raise missing(self.name, "input", "the text to hash, or `file` with a path")
            digest.update(as_bytes(self.name, "input", given.input))
            return digest.digest()
        if not given.file:
            raise missing(self.name, "file", "the path of the file to hash")
        with tools.files.open(given.file, MAX_FILE) as stream:
            while chunk := stream.read(CHUNK):
                digest.update(chunk)
                _ = tools.seconds_left
        return digest.digest()


def _place(text: Any, file: str) -> Place:
    quick = not file and (not isinstance(text, str | bytes) or len(text) <= QUICK)
    return "here" if quick else "thread"


def _hasher(algorithm: str) -> Callable[[], hashlib._Hash]:
    import hashlib
    from functools import partial

    return partial(hashlib.new, algorithm.replace("-", "_"), usedforsecurity=False)


def _written(digest: bytes, form: str) -> str:
    return digest.hex() if form == "hex" else base64.b64encode(digest).decode("ascii")
