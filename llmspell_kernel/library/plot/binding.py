"""What `plot` does: charts from Lua's values, as JSON texts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from llmspell_kernel.errors import NotAllowedError, ScriptError

if TYPE_CHECKING:
    from llmspell_kernel.lua.interpreter import LuaInterpreter


class Charts:
    """What plot.lua calls."""

    def __init__(self, lua: LuaInterpreter) -> None:
        """Charts of one Lua state's values."""
        self._lua = lua
        self._to_python = lua.formatter.to_python
        self._mime_data = lua.formatter.mime_data

    def chart(self, kind: bytes, data: Any, options: Any, defaults: Any) -> tuple[str, bool]:
        """The specification as JSON, and whether it wants a picture."""
        from llmspell_kernel.library.plot.charts import ChartOptions, chart

        name = kind.decode()
        try:
            given = self._to_python(data)
        except ScriptError as error:
            raise _bad("data", name, error) from error
        try:
            settings = ChartOptions.of(
                {**(self._to_python(defaults) or {}), **(self._to_python(options) or {})}
            )
        except ScriptError as error:
            raise _bad("options", name, error) from error
        try:
            return json.dumps(chart(name, given, settings)), settings.png
        except ScriptError as error:
            argument = "options" if str(error).startswith(("option", "say which")) else "data"
            raise _bad(argument, name, error) from error

    def bundle(self, text: bytes, png: bool) -> tuple[dict[str, Any], dict[str, Any]]:
        """A chart's data and metadata by MIME type."""
        from llmspell_kernel.library.plot.pictures import VEGALITE, chart_bundle

        bundle = chart_bundle(json.loads(text), png=png)
        return {**bundle.data, VEGALITE: text}, bundle.metadata

    def combine(self, how: bytes, texts: Any) -> str:
        """Several charts as one."""
        from llmspell_kernel.library.plot import combine

        specs = [json.loads(text) for text in self._to_python(texts)]
        ways = {b"layer": combine.layered, b"beside": combine.beside, b"below": combine.below}
        return json.dumps(ways[how](specs))

    def describe(self, text: bytes) -> str:
        """One line about a chart."""
        from llmspell_kernel.library.plot.pictures import described

        return described(json.loads(text))

    def save(self, text: bytes, path: bytes) -> None:
        """Writes a file."""
        if not self._lua.settings.files:
            raise NotAllowedError(NotAllowedError.FILES)
        from llmspell_kernel.library.plot.pictures import save

        save(json.loads(text), Path(path.decode("utf-8", "surrogateescape")).expanduser())

    def parse(self, text: bytes) -> Any:
        """What a JSON text says."""
        return json.loads(text)

    def vegalite(self, spec: Any) -> str:
        """A specification of the user's own."""
        return json.dumps(self._mime_data({b"application/json": spec})["application/json"])


def _bad(argument: str, function: str, error: ScriptError) -> ScriptError:
    return ScriptError(f"bad argument '{argument}' to 'plot.{function}' ({error})")
