"""What `artifact.lua` calls: Lua values on one side, `Artifacts` on the other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llmspell_kernel.errors import NotAllowedError
from llmspell_kernel.library.artifact.service import ArtifactId, ArtifactRecord
from llmspell_kernel.library.session.options import checked, table, text
from llmspell_kernel.library.session.records import seconds_of

if TYPE_CHECKING:
    from llmspell_kernel.library.services import Services
    from llmspell_kernel.lua.interpreter import LuaInterpreter

_QUERY: dict[str, type | tuple[type, ...]] = {
    "session_id": str,
    "artifact_type": str,
    "name_pattern": str,
    "tags": list,
    "created_after": (str, int, float),
    "created_before": (str, int, float),
    "min_size": int,
    "max_size": int,
    "limit": int,
}


class ArtifactFace:
    """The functions of one Lua state; they get strings as bytes and tables as Lua's."""

    def __init__(self, lua: LuaInterpreter, services: Services) -> None:
        self._lua = lua
        self._artifacts = services.artifacts

    def _table(self, value: Any, where: str) -> dict[Any, Any]:
        argument = f"'{'filters' if where == 'Artifact.query' else 'metadata'}' to '{where}'"
        return table(self._lua.exchange.to_python(value, argument=argument), where)

    def _given(self, artifact: ArtifactRecord) -> Any:
        return self._lua.exchange.to_lua(artifact.as_table(), keeps_null=True)

    def _id(self, value: Any) -> ArtifactId:
        return ArtifactId.parse(self._lua.exchange.to_python(value))

    def store(
        self, session_id: bytes, artifact_type: bytes, name: bytes, content: bytes, metadata: Any
    ) -> Any:
        """The id as a table."""
        about = self._table(metadata, "Artifact.store")
        made = self._artifacts.store(text(session_id), text(artifact_type), text(name), content, about)
        return made.id

    def store_file(self, session_id: bytes, path: bytes, artifact_type: bytes, metadata: Any) -> Any:
        """The id as a table."""
        if not self._lua.settings.files:
            raise NotAllowedError(NotAllowedError.FILES)
        about = self._table(metadata, "Artifact.store_file")
        made = self._artifacts.store_file(text(session_id), text(path), text(artifact_type), about)
        return made.id

    def get(self, session_id: bytes, artifact_id: Any) -> Any:
        """Metadata and content."""
        artifact, content = self._artifacts.get(text(session_id), self._id(artifact_id))
        return self._given(artifact), content

    def latest(self, session_id: bytes, name: bytes) -> Any:
        """Metadata and content."""
        newest = self._artifacts.latest(text(session_id), text(name))
        artifact, content = self._artifacts.get(newest.session_id, ArtifactId.parse(newest.id))
        return self._given(artifact), content

    def list(self, session_id: bytes) -> Any:
        """As tables."""
        found = self._artifacts.of_session(text(session_id))
        return [self._given(each) for each in found]

    def delete(self, session_id: bytes, artifact_id: Any) -> None:
        """By its id."""
        self._artifacts.delete(text(session_id), self._id(artifact_id))

    def query(self, filters: Any) -> Any:
        """As tables."""
        given = self._table(filters, "Artifact.query")
        if "type" in given:
            given["artifact_type"] = given.pop("type")
        found = checked(given, _QUERY, "Artifact.query")
        for name in ("created_after", "created_before"):
            found[name] = seconds_of(found.get(name), f"option '{name}' of 'Artifact.query'")
        return [self._given(each) for each in self._artifacts.query(**found)]
