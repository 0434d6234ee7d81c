"""Every point that there is something for is really come to."""

from __future__ import annotations

from pathlib import Path

from llmspell_kernel.config.sections import Settings
from llmspell_kernel.config.sections.hooks import Hooks, Thresholds
from llmspell_kernel.config.sections.runtime import Runtime as RuntimeSection
from llmspell_kernel.config.sections.state_persistence import StatePersistence
from llmspell_kernel.config.sections.storage import Storage
from llmspell_kernel.library.hook.points import POINTS
from llmspell_kernel.lua.state import LuaSettings

from ..scripts import Scripts

CELLS = (
    "Tool.discover{} Tool.execute('uuid-generator', {})",
    "Tool.execute('calculator', {operation = 'evaluate', input = '1 +'})",
    "Tool.execute('file-operations', {operation = 'read', path = '/etc/passwd'})",
    "State.set('k', 1) State.get('k') State.compare_and_set('global', 'k', 5, 6)",
    "State.register_migration(State.get_schema_versions()[1], '9.0.0', function(v) return v end)",
    "State.migrate('9.0.0')",
    "id = Session.create{name = 'x'} Session.save(id) Session.load(id)",
    "Session.suspend(id) Session.resume(id) Session.complete(id)",
    "Config.setProvider('a', {})",
    "Event.on('bad', function() error('oops') end) Event.publish('bad')",
    "for i = 1, 1e6 do end timer.sleep(1.01)",
    "while true do end",
)

LATER = {*POINTS["agent"], *POINTS["workflow"]}
"""Of parts that are not there yet."""


def test_every_point_is_come_to(tmp_path: Path) -> None:
    thresholds = Thresholds(cell_seconds=0.01, memory_mb=1, cpu_percent=0.1)
    settings = Settings(
        runtime=RuntimeSection(state_persistence=StatePersistence(migration_enabled=True)),
        hooks=Hooks(thresholds=thresholds),
        storage=Storage(base_dir=str(tmp_path)),
    )
    scripts = Scripts(settings, LuaSettings(time_limit=2))
    come_to: set[str] = set()
    for points in POINTS.values():
        for point in points:
            scripts.runtime.services.hooks.register(point, lambda context: come_to.add(context.point))
    outcomes = [scripts.outcome(code) for code in CELLS]
    scripts.runtime.close()
    assert {point for points in POINTS.values() for point in points} - come_to == LATER, outcomes
