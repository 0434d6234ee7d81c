"""Completion in the debug console."""

from __future__ import annotations

from .evaluating import complete, evaluate, stop
from .session import Session


def test_completion_knows_the_variables_of_the_frame(session: Session) -> None:
    session.run("local far_kept = 1")
    frame = stop(session)
    assert complete(session, "te", frame)[0] == "text"
    assert "up" in complete(session, "u", frame)
    assert "shared" in complete(session, "sh", frame)
    assert "far_kept" in complete(session, "far", frame)
    assert complete(session, "t.ne", frame) == ["nested"]
    assert complete(session, "t.nested.", frame) == ["deep"]
    assert complete(session, 't["na', frame) == ['name"]']
    assert "upper" in complete(session, "text:up", frame)
    assert "format" in complete(session, "string.fo", frame)
    assert complete(session, "nowhere.", frame) == []
    assert complete(session, "'a string", frame) == []


def test_completion_without_a_frame_knows_globals_and_kept_locals(session: Session) -> None:
    session.run("local kept_one = {field = 1} kept_two = 2")
    assert complete(session, "kept_", None) == ["kept_one", "kept_two"]
    assert complete(session, "kept_one.", None) == ["field"]


def test_completion_knows_locals_of_the_console(session: Session) -> None:
    frame = stop(session)
    evaluate(session, "local mine_too = {inside = 1}")
    assert complete(session, "mine_", frame) == ["mine_too"]
    assert complete(session, "mine_too.", frame) == ["inside"]


def test_completion_says_what_it_replaces(session: Session) -> None:
    frame = stop(session)
    found = session.debugger.complete("x = t.ne + 1", 8, frame)
    assert (found.start, found.end) == (6, 8)
    assert [(match.text, match.kind) for match in found.matches] == [("nested", "instance")]
