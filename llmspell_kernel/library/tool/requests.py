"""What a client may ask of the tools, and the answers: the contract of `tool_request`."""

from __future__ import annotations

import difflib
import time
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import msgspec

from llmspell_kernel.errors import (
    MissingExtraError,
    ParameterError,
    ScriptError,
    ToolTimeoutError,
    UnknownToolError,
)
from llmspell_kernel.library.tool.calling import error_type
from llmspell_kernel.library.tool.envelope import as_json
from llmspell_kernel.library.tool.examples import ready

if TYPE_CHECKING:
    from llmspell_kernel.library.tool.entries import Entry
    from llmspell_kernel.library.tool.service import Tools

Content = dict[str, Any]


def answer(tools: Tools, content: Mapping[str, Any]) -> Content:
    """The content of the reply; what goes wrong is told in it.

    Raises:
        KeyboardInterrupt: it was interrupted.
    """
    command = content.get("command")
    handler = _COMMANDS.get(command) if isinstance(command, str) else None
    if handler is None:
        near = difflib.get_close_matches(str(command), list(_COMMANDS), 1)
        return {
            **failure("UnknownCommand", f"Unknown tool command: {command}", "validation_error"),
            "suggestions": near or list(_COMMANDS),
        }
    try:
        _seconds(content)  # whether or not the command uses it
        return handler(tools, content)
    except ScriptError as error:
        return failed(tools, error, str(content.get("name", "")))


def failure(name: str, message: str, kind: str) -> Content:
    """The reply that says what went wrong; also as Jupyter's replies say it."""
    return {"status": "error", "error": message, "error_type": kind, "ename": name, "evalue": message}


def failed(tools: Tools, error: ScriptError, tool: str) -> Content:
    """The reply for an error."""
    reply = failure(type(error).__name__, str(error), error_type(error))
    if tool:
        reply["tool"] = tool
    if isinstance(error, ParameterError):
        reply["validation_errors"] = list(error.problems)
    elif isinstance(error, UnknownToolError):
        reply["suggestions"] = tools.registry.near(tool)
    return reply


def _list(tools: Tools, content: Mapping[str, Any]) -> Content:
    category = _text(content, "category")
    found = tools.discover(category)
    reply: Content = {
        "status": "ok",
        "tools": [entry.name for entry in found],
        "count": len(found),
        "category": category or None,
    }
    if category and not found:
        reply["suggestions"] = tools.categories()
    if content.get("details"):
        reply["details"] = [_brief(entry) for entry in found]
    return reply


def _info(tools: Tools, content: Mapping[str, Any]) -> Content:
    entry = tools.get(_name(content))
    reply = {"status": "ok", **entry.info(), "parameters": entry.parameters}
    if content.get("show_schema"):
        reply["schema"] = entry.schema
    return reply


def _invoke(tools: Tools, content: Mapping[str, Any]) -> Content:
    name, params = _name(content), content.get("params")
    params = {} if params is None else params
    if not isinstance(params, Mapping):
        raise ParameterError(name, [f"params is an object with the parameters; got {params!r:.60}"])
    timeout = _seconds(content)
    began = time.perf_counter()
    try:
        table = tools.call(name, params, seconds=timeout).as_dict()
        result = msgspec.json.decode(
            as_json(table, name, tools.answer_limit)
        )  # bytes as marked Base64, dates as text
    except ScriptError as error:
        reply = {**failed(tools, error, name), "duration_ms": _since(began)}
        if isinstance(error, ToolTimeoutError) and timeout is not None:
            reply["timeout_secs"] = timeout
        return reply
    return {
        "status": "ok",
        "tool": tools.get(name).name,
        "result": result,
        "duration_ms": _since(began),
        "streaming": False,
    }


def _search(tools: Tools, content: Mapping[str, Any]) -> Content:
    words = _words(content)
    found = tools.search(words, _text(content, "category"))
    return {
        "status": "ok",
        "matches": [entry.name for entry in found],
        "query": words,
        "results": [_brief(entry) for entry in found],
    }


def _test(tools: Tools, content: Mapping[str, Any]) -> Content:
    """A tool's own example is called, if it has one; everything else that can go wrong is tried as well."""
    entry = tools.get(_name(content))
    details: Content = {"parameters": len(entry.parameters), "operations": list(entry.operations)}
    reply: Content = {"status": "ok", "tool": entry.name, "success": True, "details": details}
    for library in entry.libraries:
        if find_spec(library) is None:
            message = str(MissingExtraError.of(entry.name, library, "tools"))
            return {**reply, "success": False, "message": message}
    with ready(entry, tools.files_of(entry)) as example:
        if example is None:
            why = "its example needs files, and tools may write none" if entry.example else ""
            why = why or "no call of it succeeds everywhere"
            return {**reply, "message": f"it can be called; {why}, so none was made"}
        try:
            began = time.perf_counter()
            table = tools.call(entry.name, example).as_dict()
            details["duration_ms"] = _since(began)
            if content.get("verbose"):
                details["params"] = example
                details["result"] = msgspec.json.decode(as_json(table, entry.name, tools.answer_limit))
        except ScriptError as error:
            details["error_type"] = error_type(error)
            return {**reply, "success": False, "message": f"its example fails: {error}"}
    if not table["success"]:
        return {**reply, "success": False, "message": f"its example fails: {table['error'].get('message')}"}
    return {**reply, "message": "its example succeeds"}


def _categories(tools: Tools, _content: Mapping[str, Any]) -> Content:
    return {"status": "ok", "categories": tools.categories()}


_COMMANDS: dict[str, Callable[[Tools, Mapping[str, Any]], Content]] = {
    "list": _list,
    "info": _info,
    "invoke": _invoke,
    "search": _search,
    "test": _test,
    "categories": _categories,
}


def _brief(entry: Entry) -> Content:
    return {**entry.summary(), "category": entry.category, "security_level": entry.level}


def _name(content: Mapping[str, Any]) -> str:
    name = content.get("name")
    if not isinstance(name, str) or not name:
        raise ParameterError("tool_request", [f"name is the name of a tool; got {name!r}"])
    return name


def _text(content: Mapping[str, Any], key: str) -> str:
    value = content.get(key)
    if value is not None and not isinstance(value, str):
        raise ParameterError("tool_request", [f"{key} is a text; got {value!r:.60}"])
    return value or ""


def _words(content: Mapping[str, Any]) -> list[str]:
    query = content.get("query")
    if query is None:
        return []
    if isinstance(query, str):
        return query.split()
    if not isinstance(query, list) or not all(isinstance(each, str) for each in query):
        raise ParameterError("tool_request", [f"query is a text or a list of words; got {query!r:.60}"])
    return query


def _seconds(content: Mapping[str, Any]) -> float | None:
    seconds = content.get("timeout")
    if seconds is None:
        return None
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not seconds > 0:
        problem = f"timeout is a number of seconds above 0; got {seconds!r:.60}"
        raise ParameterError(str(content.get("name") or "tool_request"), [problem])
    return seconds


def _since(began: float) -> float:
    return round((time.perf_counter() - began) * 1000, 3)
