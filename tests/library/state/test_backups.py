"""Whose backups scripts and commands see."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from uuid import uuid4

import pytest

from llmspell_kernel.config.loading import over_defaults
from llmspell_kernel.config.sections import Settings
from llmspell_kernel.library.services import Services
from llmspell_kernel.library.state.backups import StateBackups, backups_of

from ...postgres import PostgresServer


@pytest.fixture
def tenants(postgres_server: PostgresServer, tmp_path: Path) -> Iterator[list[Services]]:
    """Two tenants of one database, on one machine."""

    def settings(tenant: str) -> Settings:
        return over_defaults(
            {
                "storage": {
                    "base_dir": str(tmp_path),
                    "postgres": {"url": postgres_server.url(), "tenant_id": tenant},
                },
                "runtime": {"state_persistence": {"backend_type": "postgres"}},
            }
        )

    with ExitStack() as stack:
        chosen = [settings(f"backups-{uuid4()}") for _ in range(2)]
        yield [stack.enter_context(closing(Services(lambda each=each: each))) for each in chosen]  # type: ignore[misc]


def test_a_tenant_sees_no_backups_of_another(tenants: list[Services]) -> None:
    one, other = tenants
    one.state.set("global", "who", "one")
    other.state.set("global", "who", "other")
    made = backups_of(one).create()
    assert made.manifest is not None and "tenant backups-" in made.manifest.store
    scripts = StateBackups(other)
    assert scripts.all() == [] and scripts.usage()["backup_count"] == 0
    for name in (made.id, "latest"):
        assert scripts.restore(name)["error"].startswith(f"no backup '{name}'")
    assert other.state.get("global", "who") == "other"
    own = scripts.create(incremental=True)
    assert (own["kind"], own["entries"]) == ("full", 1)
    assert [each["id"] for each in StateBackups(one).all()] == [made.id]
