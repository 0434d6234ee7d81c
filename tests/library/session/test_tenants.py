"""Where sessions are if the settings name a store for State only."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from uuid import uuid4

import pytest

from llmspell_kernel.config.loading import over_defaults
from llmspell_kernel.config.sections import Settings
from llmspell_kernel.library.services import Services

from ...postgres import PostgresServer


def test_a_tenant_sees_no_sessions_of_another(postgres_server: PostgresServer, tmp_path: Path) -> None:
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

    own, others = settings(f"sessions-{uuid4()}"), settings(f"sessions-{uuid4()}")
    with closing(Services(lambda: own)) as one, closing(Services(lambda: others)) as other:
        session = one.sessions.create(name="mine")
        one.artifacts.store(session, "tool_result", "table.csv", b"a,b")
        assert [each.name for each in one.sessions.search()] == ["mine"]
        assert other.sessions.search() == [] and other.artifacts.query() == []


@pytest.mark.parametrize("state", ["memory", "sqlite"])
def test_else_they_are_in_the_file(tmp_path: Path, state: str) -> None:
    settings = over_defaults(
        {"storage": {"base_dir": str(tmp_path)}, "runtime": {"state_persistence": {"backend_type": state}}}
    )
    with closing(Services(lambda: settings)) as services:
        services.sessions.create(name="mine")
    with closing(Services(lambda: settings)) as later:
        assert [each.name for each in later.sessions.search()] == ["mine"]
