"""Settings that are read as in a folder of their own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from llmspell_kernel.config.loading import Loaded, load
from llmspell_kernel.errors import SettingsError


class Reader:
    """Reads settings in a directory and a home of its own."""

    def __init__(self, here: Path, home: Path) -> None:
        self.here, self.home = here, home

    def write(self, name: str, text: str) -> str:
        path = self.here / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return str(path)

    def read(
        self,
        config: str | None = None,
        profile: str | None = None,
        flags: Mapping[str, Any] | None = None,
        **environ: str,
    ) -> Loaded:
        return load(
            config, profile, flags, environ={"HOME": str(self.home), **environ}, directory=str(self.here)
        )

    def problems(self, *args: Any, **kwargs: Any) -> list[str]:
        with pytest.raises(SettingsError) as caught:
            self.read(*args, **kwargs)
        return [each.replace(f"{self.here}/", "") for each in caught.value.problems]

    def problems_in(self, text: str, name: str = "bad.toml") -> list[str]:
        return self.problems(self.write(name, text))
