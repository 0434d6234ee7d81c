-- load, loadstring, loadfile, dofile and require for source text only: byte code can break the memory of
-- the process, and C modules could reach Python.
local host = ...
local raw_load = load
local open, error, type, select, pcall = io.open, error, type, select, pcall
local gsub, byte = string.gsub, string.byte
local concat = table.concat
local ipairs = ipairs
local package, fail = package, host.fail
local debugger = host.debugger
local setfenv = setfenv

-- The chunk names of files, for a debugger that comes later.
local files = {}
debugger.files = files

local function environment(n, env, f, message)
  if not f then return nil, message end
  if n > 0 then setfenv(f, env) end
  return f
end

local function gather(reader)
  local parts = {}
  while true do
    local part = reader()
    if part == nil or part == "" then return concat(parts) end
    if type(part) ~= "string" and type(part) ~= "number" then error("reader function must return a string", 0) end
    parts[#parts + 1] = part
  end
end

-- Lua compiles under the message handler of whoever called last: without a call of its own to protect it, the
-- handler of a cell would turn the message about source that nests too deeply into a report.
local function compile(source, name, ...)
  if byte(name) == 64 then files[name] = true end
  local prepared = debugger.prepare and debugger.prepare(source, name)
  if prepared then
    local ok, outer = pcall(raw_load, prepared, name, "t", ...)
    if ok and outer then
      local main = outer(debugger.reach, type)
      host.join_inserted(main)
      host.mark_main(main)
      return main
    end
  end
  local ok, f, message = pcall(raw_load, source, name, "t", ...)
  if not ok then return nil, f end
  return f, message
end

local function load_text(source, name, mode, ...)
  if byte(source) == 27 then
    return nil, "attempt to load a binary chunk (only source text can be loaded)"
  end
  if mode == "b" then return nil, "attempt to load a text chunk (mode is 'b')" end
  if setfenv then return environment(select("#", ...), (...), compile(source, name)) end
  return compile(source, name, ...)
end

function load(chunk, name, mode, ...)
  if type(chunk) ~= "string" and type(chunk) ~= "function" then
    fail("bad argument #1 to 'load' (function expected, got " .. type(chunk) .. ")")
  end
  if type(chunk) == "string" then return load_text(chunk, name or chunk, mode, ...) end
  local ok, source = pcall(gather, chunk)
  if not ok then return nil, source end
  return load_text(source, name or "=(load)", mode, ...)
end

if loadstring then
  function loadstring(source, name) return load(source, name) end
end

local function read_file(path)
  if path == nil then return nil, "cannot read a chunk from standard input here" end
  local file, message = open(path, "rb")
  if not file then return nil, "cannot open " .. message end
  local text, reason = file:read(host.lua_version >= 503 and "a" or "*a")
  file:close()
  if not text then return nil, "cannot read " .. path .. (reason and (": " .. reason) or "") end
  -- A first line with # is for the shell; its line break stays, so that line numbers are the file's.
  if byte(text) == 35 then text = gsub(text, "^[^\r\n]*", "", 1) end
  return text
end

local beside -- the directory of the script that runs, where files are looked for first

-- Returns the directory before.
function host.look_beside(directory)
  local before = beside
  beside = directory
  return before
end

local function is_there(path)
  local file = open(path, "rb")
  if file then file:close() end
  return file ~= nil
end

local function place_of(path)
  if beside and type(path) == "string" and byte(path) ~= 47 then
    local candidate = beside .. "/" .. path
    if is_there(candidate) then return candidate end
  end
  return path
end

local function load_path(path, mode, ...)
  local text, message = read_file(path)
  if not text then return nil, message end
  return load_text(text, "@" .. path, mode, ...)
end

function loadfile(path, ...) return load_path(place_of(path), ...) end

function dofile(path)
  local f, message = loadfile(path)
  if not f then error(message, 0) end
  return f()
end

local searchers = package.searchers or package.loaders
-- Lua 5.4 begins the line of each searcher itself.
local first_prefix = host.lua_version > 501 and "" or "\n\t"

local function loaded(name, path)
  local f, reason = load_path(path)
  if not f then error("error loading module '" .. name .. "' from file '" .. path .. "':\n\t" .. reason, 0) end
  return f, path
end

local function search(name, candidates)
  local message = nil
  for _, candidate in ipairs(candidates) do
    if is_there(candidate) then return loaded(name, candidate) end
    message = (message and message .. "\n\t" or first_prefix) .. "no file '" .. candidate .. "'"
  end
  return message
end

local function search_path(name)
  local candidates = {}
  local path = gsub(gsub(name, "%.", "/"), "%%", "%%%%")
  for template in host.gmatch(package.path, "[^;]+") do
    candidates[#candidates + 1] = gsub(template, "%?", path)
  end
  return search(name, candidates)
end

local search_files = host.machine_code and searchers[2] or search_path
local between = host.lua_version > 501 and "\n\t" or ""

-- Files beside the script come first; there are as many searchers as in any Lua.
searchers[2] = function(name)
  if not beside then return search_files(name) end
  local path = beside .. "/" .. gsub(name, "%.", "/")
  local found, place = search(name, { path .. ".lua", path .. "/init.lua" })
  if type(found) ~= "string" then return found, place end
  local message = found
  found, place = search_files(name)
  if type(found) == "string" then return message .. between .. found end
  return found, place
end

if not host.machine_code then
  for i = #searchers, 3, -1 do searchers[i] = nil end
  package.loadlib = nil
  package.cpath = ""
end
