"""What a script cannot reach: Python, byte code, the runtime's own functions and variables."""

from __future__ import annotations

import pytest

from .shell import LANGUAGES, LuaShell

WALKER = r"""
local seen, found, queue, files = {}, {}, {}, {}
local function visit(value, path)
  local kind = type(value)
  if kind == "userdata" or kind == "cdata" then
    if not io.type(value) then found[#found + 1] = path end
  end
  if (kind == "table" or kind == "function" or kind == "thread") and not seen[value] then
    seen[value] = true
    queue[#queue + 1] = {value, path}
  end
  local metatable = debug.getmetatable(value)
  if metatable ~= nil and not seen[metatable] then
    seen[metatable] = true
    queue[#queue + 1] = {metatable, path .. "<metatable>"}
  end
end
visit(_G, "_G")
visit(coroutine.running() or false, "main thread")
visit("", "string")
for level = 0, 50 do
  local info = debug.getinfo(level, "f")
  if not info then break end
  visit(info.func, "level " .. level)
end
local count = 0
while #queue > 0 do
  local value, path = queue[#queue][1], queue[#queue][2]
  queue[#queue] = nil
  count = count + 1
  if type(value) == "table" then
    for k, v in next, value do
      visit(k, path .. ".<key>")
      visit(v, path .. "." .. tostring(k))
    end
  elseif type(value) == "function" then
    for index = 1, 255 do
      local name, held = debug.getupvalue(value, index)
      if not name then break end
      visit(held, path .. "^" .. tostring(name))
    end
    local ok, environment = pcall(getfenv or function() end, value)
    if ok then visit(environment, path .. "<environment>") end
  else
    for level = 0, 50 do
      local info = debug.getinfo(value, level, "f")
      if not info then break end
      visit(info.func, path .. "@" .. level)
      for index = 1, 250 do
        local name, held = debug.getlocal(value, level, index)
        if not name then break end
        visit(held, path .. "@" .. level .. ":" .. name)
      end
    end
  end
end
return count, table.concat(found, "\n")
"""


def test_nothing_foreign_can_be_walked_to(shell: LuaShell) -> None:
    shell.run("local function f() return shell end kept = coroutine.create(f)")
    shell.fail("local x = 1 error({f})")
    result = shell.run(WALKER)
    assert result is not None
    count, found = result.split("\t", 1)
    assert int(count) > 150
    assert found == '""'


@pytest.mark.parametrize(
    "expression",
    [
        "python", "package.loaded.python", "package.loadlib", "debug.getregistry", "debug.getuservalue",
        "debug.setuservalue", "debug.debug", "debug.setfenv", "debug.getfenv", "package.preload.ffi",
        "package.preload['jit.util']", "package.preload['jit.profile']", "package.preload['string.buffer']",
        "package.loaded.ffi", "__llmspell_keep", "__llmspell_show", "host",
    ],
)  # fmt: skip
def test_what_is_not_there(shell: LuaShell, expression: str) -> None:
    assert shell.run(f"x = {expression}\nreturn x") == "nil"


@pytest.mark.parametrize(
    "module", ["python", "ffi", "jit.util", "jit.profile", "string.buffer", "lupa", "socket.core"]
)
def test_modules_that_cannot_be_required(shell: LuaShell, module: str) -> None:
    error = shell.fail(f"require '{module}'")
    assert f"module '{module}' not found" in error.value


def test_c_modules_are_never_loaded(shell: LuaShell) -> None:
    import lupa.lua54

    assert lupa.lua54.__file__
    shell.run(f"package.cpath = {lupa.lua54.__file__!r} .. ';./?.so'")
    assert "not found" in shell.fail("require 'lua54'").value
    assert shell.run("#(package.searchers or package.loaders)") == "2"
    shell.run(f"package.path = {lupa.lua54.__file__!r}")
    assert "lua54" in shell.fail("require 'whatever'").value
    assert shell.run("(loadfile(package.path))") == "nil"


@pytest.mark.parametrize(
    "code",
    [
        "load(string.dump(function() return 1 end))",
        "load(string.dump(function() return 1 end), 'x', 'b')",
        "load(string.dump(function() return 1 end), 'x', 'bt')",
        "(loadstring or load)(string.dump(function() return 1 end))",
        "load('return 1', 'x', 'b')",
        "(function() local s = string.dump(function() end) local i = 0 "
        "return load(function() i = i + 1 return i <= #s and s:sub(i, i) or nil end) end)()",
    ],
)
def test_byte_code_is_refused(shell: LuaShell, code: str) -> None:
    assert shell.run(f"local f, message = {code}\nreturn f, type(message)") == 'nil\t"string"'


def test_files_with_byte_code_are_refused(shell: LuaShell, tmp_path: object) -> None:
    path = f"{tmp_path}/code.lua"
    for head in ("", "#!shell\\n", "\\239\\187\\191"):
        shell.run(
            f"local file = io.open('{path}', 'wb') "
            f"file:write('{head}', string.dump(function() return 1 end)) file:close()"
        )
        assert shell.run(f"(loadfile('{path}'))") == "nil"
        assert shell.fail(f"dofile('{path}')").name == "LuaError"


def test_a_cell_of_byte_code_is_refused(shell: LuaShell) -> None:
    state = shell.interpreter.state
    code: bytes = state.globals[b"string"][b"dump"](state.runtime.eval(b"function() return 1 end"))
    assert shell.fail(code.decode(errors="surrogateescape")).name == "LuaSyntaxError"


@pytest.mark.parametrize(
    "catch",
    [
        "local ok, e = pcall(os.exit)",
        "local ok, e = xpcall(os.exit, function(m) seen = m return m end)",
        "local ok, e = coroutine.resume(coroutine.create(os.exit))",
        "local ok, e = pcall(coroutine.wrap(os.exit))",
        "local ok, e = pcall(pcall, os.exit)",
    ],
)
def test_the_end_of_a_cell_is_no_value(shell: LuaShell, catch: str) -> None:
    shell.outcome(f"seen = nil {catch} seen = e")
    assert shell.run("type(seen)") == '"nil"'


def test_errors_of_python_functions_are_strings(shell: LuaShell) -> None:
    for call in ("io.read", "io.getpass, 5", "os.execute, {}", "io.popen, 'x', 'q'"):
        assert shell.run(f"type(select(2, pcall({call})))") == '"string"'
        assert shell.run(f"type(select(2, xpcall({call.split(',')[0]}, function(m) return m end)))") in (
            '"string"', '"nil"', '"boolean"', '"number"',
        )  # fmt: skip


@pytest.mark.parametrize(
    "f", ["os.execute", "print", "io.read", "coroutine.wrap", "load", "debug.getlocal", "xpcall"]
)
def test_functions_of_the_runtime_are_closed(shell: LuaShell, f: str) -> None:
    assert shell.run(f"debug.getupvalue({f}, 1)") == "nil"
    assert shell.run(f"debug.setupvalue({f}, 1, 5)") == "nil"
    assert shell.run(f"debug.upvalueid({f}, 1)") == "nil"
    assert (
        "function of the runtime"
        in shell.fail(f"local a, b = 1, 2 debug.upvaluejoin(function() return a, b end, 1, {f}, 1)").value
    )
    if shell.language == "luajit":
        assert "function of the runtime" in shell.fail(f"setfenv({f}, {{}})").value


def test_frames_of_the_runtime_are_closed(shell: LuaShell) -> None:
    shell.run(
        "function spy() local found = {} for level = 1, 30 do "
        "for _, at in ipairs({level, tostring(level)}) do for index = 1, 100 do "
        "local ok, name, value = pcall(debug.getlocal, at, index) "
        "if not ok or not name then break end found[#found + 1] = type(value) "
        "if type(value) == 'userdata' then error('reached ' .. name) end end end end return '' end"
    )
    shell.run("spy() local t = setmetatable({}, {__tostring = spy, __index = spy}) print(t) tostring(t)")
    shell.run("load(spy) table.sort({3, 1, 2}, function(a, b) spy() return a < b end)")
    shell.run("coroutine.wrap(spy)() pcall(spy) xpcall(spy, print); ('x'):gsub('.', spy)")
    shell.fail("error(setmetatable({}, {__tostring = spy}))")
    shell.run("setmetatable({}, {__mimebundle = function() return {['text/plain'] = spy()} end})")


def test_hooks_see_nothing_of_the_runtime(shell: LuaShell) -> None:
    shell.run(
        "reached, seen = {}, 0 debug.sethook(function() seen = seen + 1 for index = 1, 20 do "
        "local ok, name, value = pcall(debug.getlocal, 2, index) if not ok or not name then break end "
        "if type(value) == 'userdata' and not io.type(value) then reached[#reached + 1] = name end "
        "end end, 'crl')"
    )
    shell.run("print('x') io.write('y') os.execute('true') pcall(io.read) coroutine.wrap(print)('z')")
    shell.run("debug.sethook()")
    assert shell.run("#reached, seen > 0") == "0\ttrue"


def test_keeping_cannot_open_the_runtime(shell: LuaShell) -> None:
    shell.run("local host, raw, method = 1, 2, 3 __llmspell_keep(os.execute, 'host,raw,method,fail')")
    assert shell.run("host, raw, method") == "1\t2\t3"
    shell.run("local x = 1 __llmspell_keep(print, 'host') __llmspell_keep(5, {}) __llmspell_keep()")
    assert shell.run("host") == "1"


def test_metatables_of_files_are_fixed(shell: LuaShell) -> None:
    assert "cannot be changed" in shell.fail("debug.setmetatable(io.stdout, {})").value
    shell.run("debug.setmetatable(nil, {__index = function() return 5 end}) x = nil")
    assert shell.run("(nil).anything") == "5"
    shell.run("debug.setmetatable(nil, nil)")


@pytest.mark.parametrize("language", ["luajit"])
def test_the_ffi_is_not_reachable_through_numbers(shell: LuaShell) -> None:
    assert shell.run("debug.getmetatable(1LL), debug.getmetatable(1i)") == "nil\tnil"


@pytest.mark.parametrize(
    "damage",
    [
        "for name in pairs(_G) do if name ~= '_G' then _G[name] = nil end end",
        "string.format, string.sub, string.gmatch, table.concat = nil",
        "print, type, tostring, pairs, next, error, pcall, xpcall, select = error, error, error, error",
        "getmetatable('').__index = nil",
        "setmetatable(_G, {__index = function(_, n) error('undeclared ' .. n, 2) end, "
        "__newindex = function(_, n) error('new ' .. n, 2) end})",
        "_G.In, _G.Out = nil, nil",
        "setmetatable(Out, {__newindex = error}) setmetatable(In, {__newindex = error})",
        "debug.sethook, debug.getinfo, debug.getupvalue, coroutine.running, os.exit = nil",
        "package.loaded._G, package.searchers, package.path = nil",
    ],
)
def test_whatever_a_script_breaks_the_next_cell_runs(shell: LuaShell, damage: str) -> None:
    shell.outcome(damage)
    assert shell.run("1 + 1") == "2"
    assert shell.run("local kept = 5\nkept, {1, 'x'}") == '5\t{1, "x"}'
    assert shell.run("kept") == "5"
    error = shell.fail("local t = nil\nt.x.y = 1")
    assert error.name == "LuaError"
    assert "cell [5]:2" in error.value
    assert shell.fail("local s = {} s.fmat()").name == "LuaError"


@pytest.mark.parametrize("language", LANGUAGES)
def test_trusted_scripts_get_python(language: str) -> None:
    shell = LuaShell(language, trusted=True)
    assert shell.run("python.eval('1 + 1')") == "2"
    assert shell.run("python.builtins.len('four')") == "4"
    assert shell.run("type(debug.getregistry())") == '"table"'
    if language == "luajit":
        assert shell.run("type(require('ffi').cdef)") == '"function"'
