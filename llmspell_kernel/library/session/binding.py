"""What `session.lua` calls: Lua values on one side, `Sessions` on the other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llmspell_kernel.library.session.options import checked, table, text

if TYPE_CHECKING:
    from llmspell_kernel.library.replay.player import Options
    from llmspell_kernel.library.services import Services
    from llmspell_kernel.library.session.records import SessionRecord
    from llmspell_kernel.lua.interpreter import LuaInterpreter

_CREATE = {
    "name": str,
    "description": str,
    "tags": list,
    "parent_session_id": str,
    "custom_metadata": dict,
    "created_by": str,
}
_ALIASES = {"parent": "parent_session_id", "metadata": "custom_metadata"}
_LIST = {"tags": list, "status": str, "name": str, "parent_session_id": str, "limit": int}


class SessionFace:
    """The functions of one Lua state; they get strings as bytes and tables as Lua's."""

    def __init__(self, lua: LuaInterpreter, services: Services) -> None:
        self._lua = lua
        self._services = services
        self._sessions = services.sessions

    def _table(self, value: Any, where: str) -> dict[Any, Any]:
        argument = f"'{'changes' if where == 'Session.update' else 'options'}' to '{where}'"
        return table(self._lua.exchange.to_python(value, argument=argument), where)

    def _fields(self, value: Any, where: str) -> dict[Any, Any]:
        return {_ALIASES.get(key, key): each for key, each in self._table(value, where).items()}

    def _given(self, record: SessionRecord) -> Any:
        return self._lua.exchange.to_lua(self._sessions.table(record), keeps_null=True)

    def create(self, options: Any) -> str:
        """Fields that a session does not have go into its `custom_metadata`."""
        given = self._fields(options, "Session.create")
        fields = checked(given, _CREATE, "Session.create", strict=False)
        more = {key: each for key, each in given.items() if key not in _CREATE}
        if more:
            fields["custom_metadata"] = {**more, **fields.get("custom_metadata", {})}
        fields.setdefault("created_by", "lua")
        return self._sessions.create(**fields)

    def get(self, session_id: bytes) -> Any:
        """As a table."""
        record = self._sessions.get(text(session_id))
        return self._given(record)

    def list(self, options: Any) -> Any:
        """As tables."""
        filters = checked(self._fields(options, "Session.list"), _LIST, "Session.list")
        return [self._given(each) for each in self._sessions.search(**filters)]

    def update(self, session_id: bytes, changes: Any) -> None:
        """Its fields."""
        given = self._fields(changes, "Session.update")
        kinds = {key: kind for key, kind in _CREATE.items() if key != "created_by"}
        self._sessions.update(text(session_id), checked(given, kinds, "Session.update"))

    def save(self, session_id: bytes) -> None:
        """What ran in it."""
        self._sessions.save(text(session_id))

    def load(self, session_id: bytes) -> str:
        """Its id."""
        return self._sessions.load(text(session_id))

    def act(self, act: bytes, session_id: bytes, failure: bytes | None = None) -> None:
        """One of `records.TRANSITIONS`."""
        self._sessions.act(act.decode(), text(session_id), failure=text(failure or b""))  # type: ignore[arg-type]

    def delete(self, session_id: bytes) -> None:
        """With all it has."""
        self._sessions.delete(text(session_id))

    def current(self) -> str | None:
        """The id."""
        return self._sessions.current

    def set_current(self, session_id: bytes | None) -> None:
        """None for none."""
        self._sessions.set_current(None if session_id is None else text(session_id))

    def runs(self, session_id: bytes | None) -> Any:
        """As tables; of the current session if none is named."""
        chosen = self._sessions.current or "" if session_id is None else text(session_id)
        return self._lua.exchange.to_lua([run.as_table() for run in self._sessions.runs.of(chosen)])

    # Replaying

    def can_replay(self, session_id: bytes) -> bool:
        """Whether anything was recorded."""
        return self._sessions.get(text(session_id)).sequence > 0 or bool(self._runs(session_id))

    def _runs(self, session_id: bytes) -> Any:
        return self._sessions.runs.of(text(session_id))

    def replay(self, session_id: bytes, options: Any) -> Any:
        """The report as a table."""
        from llmspell_kernel.library.session.replaying import replay

        report = replay(self._services, text(session_id), self._options(options))
        return self._lua.exchange.to_lua(report)

    def _options(self, options: Any) -> Options:
        from llmspell_kernel.library.replay.player import Options

        return Options.parse(self._table(options, "Session.replay"), "Session.replay")

    def replay_metadata(self, session_id: bytes) -> Any:
        """As a table."""
        from llmspell_kernel.library.session.replaying import metadata

        return self._lua.exchange.to_lua(metadata(self._services, text(session_id)))

    def replayable(self) -> Any:
        """The sessions in which anything was recorded, as tables."""
        from llmspell_kernel.library.session.replaying import replayable

        return self._lua.exchange.to_lua(replayable(self._services))
