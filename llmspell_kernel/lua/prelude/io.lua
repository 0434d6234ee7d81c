-- print and the io library over the front's streams. io.stdin, io.stdout and io.stderr stay the real file
-- handles (type, io.type and methods are theirs); their methods are told apart by identity.
local host = ...
local io, error, pcall, type, tostring, select, tonumber = io, error, pcall, type, tostring, select, tonumber
local concat, sub, gsub, find, match, format = table.concat, string.sub, string.gsub, string.find, string.match, string.format
local getmetatable, setmetatable, next = getmetatable, setmetatable, next
local fail, write_out, write_err, release = host.fail, host.write_out, host.write_err, host.release
local math_type = math.type
local unpack = table.unpack or unpack

local stdin, stdout, stderr = io.stdin, io.stdout, io.stderr
local raw_open, raw_lines, raw_type = io.open, io.lines, io.type
local method = getmetatable(stdout).__index
local raw = {}
for name, f in next, method do raw[name] = f end

local input, output = stdin, stdout
local asked = stdin -- the handle whose input the front types; nil where it is the process's own

function host.use_real_stdin() asked = nil end

-- The results of Lua's own function; its errors get the position of the user's code instead of ours.
local function relay(ok, ...)
  if ok then return ... end
  local message = ...
  if type(message) ~= "string" then error(message, 0) end
  fail((gsub(message, "^%[llmspell%] [%w_]+:%d+: ", "")))
end
local children = setmetatable({}, { __mode = "k" }) -- file handle -> number of the process behind it

function print(...)
  local n = select("#", ...)
  if n == 1 then
    local value = ...
    if type(value) ~= "string" then value = tostring(value) end
    write_out(value .. "\n")
    return
  end
  local parts = { ... }
  for i = 1, n do
    local value = parts[i]
    if type(value) ~= "string" then parts[i] = tostring(value) end
  end
  write_out(concat(parts, "\t") .. "\n")
end

local function joined(caller, first, ...)
  local n = select("#", ...)
  local parts = { ... }
  for i = 1, n do
    local kind = type(parts[i])
    if kind ~= "string" then
      if kind ~= "number" then
        fail("bad argument #" .. i + first - 1 .. " to '" .. caller .. "' (string expected, got "
          .. (parts[i] == nil and "nil" or kind) .. ")")
      end
      parts[i] = math_type and tostring(parts[i]) or format("%.14g", parts[i])
    end
  end
  return concat(parts)
end

local function write_to(file, caller, ...)
  local text
  if select("#", ...) == 1 and type((...)) == "string" then text = (...) else text = joined(caller, 1, ...) end
  if file == stdout then write_out(text) else write_err(text) end
  return file
end

function method:write(...)
  if self == stdout or self == stderr then return write_to(self, "write", ...) end
  return relay(pcall(raw.write, self, ...))
end

function io.write(...)
  if output == stdout or output == stderr then return write_to(output, "write", ...) end
  return relay(pcall(raw.write, output, ...))
end

-- Lua's own warn knows no front end. It still hears "@on" and "@off", which also rule what Lua itself warns of.
local raw_warn = warn
if raw_warn then
  local warns = false
  function warn(...)
    if select("#", ...) == 0 then fail("bad argument #1 to 'warn' (string expected, got no value)") end
    local text = joined("warn", 1, ...)
    if select("#", ...) == 1 and sub(text, 1, 1) == "@" then
      if text == "@on" then warns = true elseif text == "@off" then warns = false end
      raw_warn(text)
    elseif warns then
      write_err("Lua warning: " .. text .. "\n")
    end
  end
end

-- What the front end typed and nobody has read yet; nil once the user has ended the input.
local pending = ""

-- Asks for one more line; false at the end of the input.
local function more()
  local line = host.read_line("", false)
  if line == nil then return false end
  pending = pending .. line .. "\n"
  return true
end

local function take(n)
  local text = sub(pending, 1, n)
  pending = sub(pending, n + 1)
  return text
end

local function read_text_line(keep)
  local stop = find(pending, "\n", 1, true)
  if not stop then
    if not more() then return pending ~= "" and take(#pending) or nil end
    stop = find(pending, "\n", 1, true)
  end
  local line = take(stop)
  return keep and line or sub(line, 1, -2)
end

-- An empty line ends it: a front end has no end of file to send.
local function read_everything()
  if pending ~= "" then return take(#pending) end
  local parts = {}
  while true do
    local line = read_text_line(true)
    if line == nil or line == "\n" then return concat(parts) end
    parts[#parts + 1] = line
  end
end

local function read_number()
  while not find(pending, "%S") do
    pending = ""
    if not more() then return nil end
  end
  local start = find(pending, "%S")
  local word = match(pending, "^[%w%.%+%-]+", start) or ""
  while word ~= "" and tonumber(word) == nil do word = sub(word, 1, -2) end
  pending = sub(pending, start + #word)
  return tonumber(word)
end

local function read_count(n)
  if pending == "" and not more() then return nil end
  return take(n)
end

local readers = {
  n = read_number,
  l = function() return read_text_line(false) end,
  L = function() return read_text_line(true) end,
  a = read_everything,
}

local function read_one(what, index)
  if type(what) == "number" then return read_count(what) end
  local reader = type(what) == "string" and readers[match(what, "^%*?(%a)") or ""]
  if not reader then fail("bad argument #" .. index .. " to 'read' (invalid format)") end
  return reader()
end

local function read_stdin(...)
  local n = select("#", ...)
  if n == 0 then return read_text_line(false) end
  local formats, results = { ... }, {}
  for i = 1, n do
    results[i] = read_one(formats[i], i)
    if results[i] == nil then return unpack(results, 1, i) end
  end
  return unpack(results, 1, n)
end

-- What a read has answered. An interrupt may have ended it, which the host hears of when it is called.
local function received(file, ok, ...)
  if file == stdin and (...) == nil then host.flush() end
  return relay(ok, ...)
end

function method:read(...)
  if self == asked then return read_stdin(...) end
  release() -- a pipe may take its time
  return received(self, pcall(raw.read, self, ...))
end

function io.read(...)
  if input == asked then return read_stdin(...) end
  release()
  return received(input, pcall(raw.read, input, ...))
end

function io.getpass(prompt)
  if prompt ~= nil and type(prompt) ~= "string" then
    fail("bad argument 'prompt' to 'getpass' (string expected, got " .. type(prompt) .. ")")
  end
  return host.read_line(prompt or "Password: ", true)
end

local function stdin_lines(...)
  local formats = { ... }
  local n = select("#", ...)
  return function() return read_stdin(unpack(formats, 1, n)) end
end

local function lines_of(file, ...)
  if file == asked then return stdin_lines(...) end
  if not children[file] and file ~= stdin then return relay(pcall(raw.lines, file, ...)) end
  local next_line = raw.lines(file, ...)
  return function()
    release() -- the next line may take its time
    return received(file, pcall(next_line))
  end
end

function method:lines(...) return lines_of(self, ...) end

function io.lines(path, ...)
  if path ~= nil then return relay(pcall(raw_lines, path, ...)) end
  return lines_of(input, ...)
end

function method:flush()
  if self == stdout or self == stderr then
    host.flush()
    return self
  end
  return relay(pcall(raw.flush, self))
end

function method:setvbuf(...)
  if self == stdout or self == stderr or self == asked then return true end
  return relay(pcall(raw.setvbuf, self, ...))
end

function method:seek(...)
  if self == stdout or self == stderr or self == asked then return nil, "Illegal seek", 29 end
  return relay(pcall(raw.seek, self, ...))
end

function method:close()
  if self == stdin or self == stdout or self == stderr then return nil, "a standard stream cannot be closed" end
  local child = children[self]
  if not child then return relay(pcall(raw.close, self)) end
  children[self] = nil
  raw.close(self)
  return host.close_child(child)
end
if getmetatable(stdout).__close then getmetatable(stdout).__close = function(file) if raw_type(file) == "file" then file:close() end end end

function io.close(file) return (file or output):close() end

local function redirect(current, mode, caller)
  return function(file)
    if type(file) == "string" then
      local opened, message = raw_open(file, mode)
      if not opened then fail(message) end
      return opened
    elseif file ~= nil and not raw_type(file) then
      fail("bad argument #1 to '" .. caller .. "' (FILE* expected, got " .. type(file) .. ")")
    end
    return file or current()
  end
end

local to_input = redirect(function() return input end, "r", "input")
local to_output = redirect(function() return output end, "w", "output")

function io.input(file)
  input = to_input(file)
  return input
end

function io.output(file)
  output = to_output(file)
  return output
end

-- A child is the host's; its pipe is a real file handle here, so reading and writing are Lua's own.
function io.popen(command, mode)
  if type(command) ~= "string" then
    fail("bad argument #1 to 'popen' (string expected, got " .. type(command) .. ")")
  end
  mode = mode or "r"
  if mode ~= "r" and mode ~= "w" then fail("bad argument #2 to 'popen' (invalid mode)") end
  local child, path, message = host.open_child(command, mode)
  if not child then return nil, message end
  local file, reason = raw_open(path, mode)
  host.child_opened(child)
  if not file then return nil, reason end
  children[file] = child
  return file
end

function os.execute(command)
  if command == nil then return true end
  if type(command) ~= "string" then
    fail("bad argument #1 to 'execute' (string expected, got " .. type(command) .. ")")
  end
  local ok, how, code = host.execute(command)
  if host.lua_version == 501 then return how == "exit" and code * 256 or code end
  return ok or nil, how, code
end

function os.exit(code)
  if code == nil or code == true then code = 0 elseif code == false then code = 1 end
  if type(code) ~= "number" then
    fail("bad argument #1 to 'exit' (number expected, got " .. type(code) .. ")")
  end
  host.exit(code)
end
