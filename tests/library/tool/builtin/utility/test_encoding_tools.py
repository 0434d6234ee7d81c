"""base64-encoder, hash-calculator and uuid-generator."""

from __future__ import annotations

import base64
import hashlib
import re
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from llmspell_kernel.errors import NotAllowedError, ParameterError
from tests.library.tool.guarding import Caller, settings


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("encoding")


@pytest.fixture(scope="module")
def call(folder: Path) -> Iterator[Caller]:
    caller = Caller(settings(folder))
    yield caller
    caller.close()


def test_encode_and_decode(call: Caller) -> None:
    assert call("base64-encoder", operation="encode", input="Hällo?>") == {
        "output": "SMOkbGxvPz4=", "variant": "standard", "binary": False,
    }  # fmt: skip
    assert call("base64-encoder", operation="decode", input="SMOkbGxv\nPz4=")["output"] == "Hällo?>"
    url_safe = call("base64-encoder", operation="encode", input=b"\xfb\xff", variant="url-safe")
    assert url_safe["output"] == "-_8="
    assert call("base64_encoder", operation="decode", input="-_8", variant="url-safe") == {
        "output": "fbff", "variant": "url-safe", "binary": True,
    }  # fmt: skip


def test_hexadecimal_digits_stand_for_bytes(call: Caller) -> None:
    encoded = call("base64-encoder", operation="encode", input="00 ff 10", binary_input=True)
    assert encoded == {"output": "AP8Q", "variant": "standard", "binary": True}
    assert call("base64-encoder", operation="decode", input="AP8Q", binary_input=True)["output"] == "00ff10"


def test_base64_of_files(call: Caller, folder: Path) -> None:
    (folder / "data.bin").write_bytes(bytes(range(256)))
    coded, decoded = str(folder / "coded.txt"), str(folder / "decoded.bin")
    call("base64-encoder", operation="encode", input_file=str(folder / "data.bin"), output_file=coded)
    answer = call("base64-encoder", operation="decode", input_file=coded, output_file=decoded)
    assert answer["output_file"] == decoded
    assert answer["bytes_written"] == 256
    assert Path(decoded).read_bytes() == bytes(range(256))


@pytest.mark.parametrize(
    ("parameters", "problem"),
    [
        ({"operation": "decode", "input": "a*b="}, "standard Base64"),
        ({"operation": "decode", "input": "-_8="}, "url-safe"),
        ({"operation": "encode", "input": "xyz", "binary_input": True}, "hexadecimal"),
        ({"operation": "encode"}, "input is missing"),
        ({"operation": "encode", "input": 5}, "must be a string"),
        ({"operation": "encode", "input": "a", "input_file": "/tmp/a"}, "not both"),
        ({"operation": "code", "input": "a"}, "encode, decode"),
    ],
)
def test_wrong_base64(call: Caller, parameters: dict[str, object], problem: str) -> None:
    with pytest.raises(ParameterError, match=re.escape(problem)):
        call("base64-encoder", **parameters)


def test_files_elsewhere_are_refused(call: Caller) -> None:
    with pytest.raises(NotAllowedError, match="allowed"):
        call("base64-encoder", operation="encode", input_file="/etc/hostname")
    with pytest.raises(NotAllowedError, match="allowed"):
        call("hash-calculator", operation="hash", file="/etc/hostname")


@given(data=st.binary(max_size=300), variant=st.sampled_from(["standard", "url-safe"]))
@hypothesis_settings(max_examples=60, deadline=None)
def test_base64_comes_back(call: Caller, data: bytes, variant: str) -> None:
    coded = call("base64-encoder", operation="encode", input=data, variant=variant)["output"]
    found = call("base64-encoder", operation="decode", input=coded, variant=variant, binary_input=True)
    assert bytes.fromhex(found["output"]) == data


@pytest.mark.parametrize("algorithm", ["md5", "sha1", "sha256", "sha512", "sha3-256", "blake2b"])
def test_hashes_are_those_of_everybody(call: Caller, algorithm: str) -> None:
    digest = hashlib.new(algorithm.replace("-", "_"), b"Lua")
    assert call("hash-calculator", operation="hash", input="Lua", algorithm=algorithm) == {
        "algorithm": algorithm, "hash": digest.hexdigest(), "format": "hex",
    }  # fmt: skip
    answer = call("hash-calculator", operation="hash", input="Lua", algorithm=algorithm, format="base64")
    assert base64.b64decode(answer["hash"]) == digest.digest()


def test_hash_of_a_file(call: Caller, folder: Path) -> None:
    data = b"x" * 3_000_000
    (folder / "big.bin").write_bytes(data)
    answer = call("hash-calculator", operation="hash", input_type="file", file=str(folder / "big.bin"))
    assert answer["hash"] == hashlib.sha256(data).hexdigest()


def test_verify(call: Caller) -> None:
    right = hashlib.sha256(b"a").hexdigest()
    answer = call("hash-calculator", operation="verify", input="a", expected_hash=right.upper())
    assert answer["verified"] is True
    wrong = call("hash-calculator", operation="verify", input="b", expected_hash=right)
    assert wrong["verified"] is False
    assert wrong["actual_hash"] == hashlib.sha256(b"b").hexdigest()
    coded = base64.b64encode(hashlib.sha256(b"a").digest()).decode()
    assert call(
        "hash-calculator", operation="verify", input="a", expected_hash=coded, expected_format="base64"
    )["verified"]


@pytest.mark.parametrize(
    ("parameters", "problem"),
    [
        ({"operation": "verify", "input": "a"}, "expected_hash"),
        ({"operation": "verify", "input": "a", "expected_hash": "zz"}, "hash in hex"),
        ({"operation": "verify", "input": "a", "expected_hash": "abcd"}, "has 2 bytes"),
        ({"operation": "hash"}, "input is missing"),
        ({"operation": "hash", "input_type": "file"}, "file is missing"),
        ({"operation": "hash", "input": "a", "algorithm": "crc"}, "sha256"),
    ],
)
def test_wrong_hash(call: Caller, parameters: dict[str, object], problem: str) -> None:
    with pytest.raises(ParameterError, match=re.escape(problem)):
        call("hash-calculator", **parameters)


@pytest.mark.parametrize(("version", "number"), [("v1", 1), ("v3", 3), ("v4", 4), ("v5", 5), ("v7", 7)])
def test_versions_of_uuids(call: Caller, version: str, number: int) -> None:
    answer = call("uuid-generator", operation="generate", version=version, name="example.org")
    assert uuid.UUID(answer["uuid"]).version == number
    assert answer == {"uuid": answer["uuid"], "version": version, "format": "standard"}
    assert call("uuid-generator", operation="validate", uuid=answer["uuid"])["version"] == version


def test_forms_of_uuids(call: Caller) -> None:
    for form, pattern in {
        "simple": r"[0-9a-f]{32}",
        "urn": r"urn:uuid:[0-9a-f-]{36}",
        "braced": r"\{[0-9a-f-]{36}\}",
    }.items():
        made = call("uuid-generator", format=form)["uuid"]
        assert re.fullmatch(pattern, made)
        assert call("uuid-generator", operation="validate", uuid=made)["format"] == form


def test_uuids_by_time_are_in_order(call: Caller) -> None:
    made = [call("uuid-generator", version="v7")["uuid"][:13] for _ in range(20)]
    assert made == sorted(made)


def test_deterministic(call: Caller) -> None:
    answer = call("uuid-generator", operation="deterministic", namespace="dns", name="example.org")
    assert answer["uuid"] == str(uuid.uuid5(uuid.NAMESPACE_DNS, "example.org"))
    own = call("uuid-generator", operation="deterministic", namespace=answer["uuid"], name="x")
    assert own["uuid"] == str(uuid.uuid5(uuid.UUID(answer["uuid"]), "x"))
    with pytest.raises(ParameterError, match="namespace must be dns"):
        call("uuid-generator", operation="deterministic", namespace="nowhere", name="x")
    with pytest.raises(ParameterError, match="name"):
        call("uuid-generator", operation="deterministic")


def test_component_ids(call: Caller) -> None:
    answer = call("uuid-generator", operation="component_id", prefix="agent", short=True)
    assert re.fullmatch(r"agent-[0-9a-f]{8}", answer["id"])
    made = call("uuid-generator", operation="custom", prefix="a", suffix="z", timestamp=True, short=True)
    assert re.fullmatch(r"a-\d{14}-[0-9a-f]{8}-z", made["id"])
    with pytest.raises(ParameterError, match="prefix may have"):
        call("uuid-generator", operation="custom", prefix="../x")


def test_validate_uuid(call: Caller) -> None:
    nil = call("uuid-generator", operation="validate", uuid="00000000-0000-0000-0000-000000000000")
    assert nil["version"] == "nil"
    answer = call("uuid-generator", operation="validate", uuid="not-one")
    assert answer["valid"] is False
    assert "32 hexadecimal digits" in answer["error"]
