-- The global `comm`: messages between Lua and code in the front end.
local host, helpers = ...
local fail, argument, no_option = helpers.fail, helpers.argument, helpers.no_option
local setmetatable, tostring, type, pairs = setmetatable, tostring, type, pairs

---Messages between Lua and code in the front end.
---@class comm
local comm = {}

---An open line to the front end.
---@class comm.Comm
---@field id string
---@field target string
local methods = {}
local Comm = { __index = methods, __name = "comm", __metatable = "comm" }
local ids = setmetatable({}, { __mode = "k" })
local object = { __jsontype = "object" }

function Comm.__tostring(self)
  return "comm " .. tostring(self.target) .. " (" .. tostring(self.id) .. ")"
end

local function proxy(id, target)
  local self = setmetatable({ id = id, target = target }, Comm)
  ids[self] = id
  return self
end

local function called(f, ...)
  f(...)
  return true
end

host.adopt(proxy, called, function() return setmetatable({}, object) end)

local function id_of(self, func)
  local id = ids[self]
  if not id then
    fail("bad argument 'self' to '" .. func .. "' (comm expected, got " .. type(self) .. "; write c:" .. func .. "(...))")
  end
  return id
end

-- The metadata and the buffers among the options.
local function split(options, func)
  if options == nil then return nil, nil end
  argument(options, "options", "table", func)
  for name in pairs(options) do
    if name ~= "metadata" and name ~= "buffers" then
      fail("bad argument 'options' to '" .. func .. "' ("
        .. no_option(tostring(name), { "buffers", "metadata" }) .. ")")
    end
  end
  if options.metadata ~= nil then argument(options.metadata, "metadata", "table", func) end
  if options.buffers ~= nil then argument(options.buffers, "buffers", "table", func) end
  return options.metadata, options.buffers
end

local function check_data(data, func)
  if data ~= nil then argument(data, "data", "table", func) end
  return data
end

--- Has `handler(c, data, buffers, metadata)` called for each comm that the front end opens with this target.
--- An error in it closes the comm. Without a handler, such comms are refused again.
---@param target string
---@param handler fun(c: comm.Comm, data: table, buffers: string[], metadata: table)|nil
function comm.on_open(target, handler)
  argument(target, "target", "string", "comm.on_open")
  if handler ~= nil then argument(handler, "handler", "function", "comm.on_open") end
  host.on_open(target, handler)
end

--- Opens a comm to what the front end has registered under `target`.
---@param target string
---@param data table|nil
---@param options {buffers: string[], metadata: table}|nil
---@return comm.Comm
function comm.open(target, data, options)
  argument(target, "target", "string", "comm.open")
  return proxy(host.open(target, check_data(data, "comm.open"), split(options, "comm.open")), target)
end

--- Sends a message.
---@param data table|nil
---@param options {buffers: string[], metadata: table}|nil
function methods:send(data, options)
  host.send(id_of(self, "send"), check_data(data, "send"), split(options, "send"))
end

--- Closes the comm on both sides; a second time does nothing.
---@param data table|nil
---@param options {buffers: string[], metadata: table}|nil
function methods:close(data, options)
  host.close(id_of(self, "close"), check_data(data, "close"), split(options, "close"))
end

--- Has `handler` called for each message, with its `data`, `buffers` (strings) and `metadata`.
---@param handler fun(msg: {data: table, buffers: string[], metadata: table})
function methods:on_msg(handler)
  host.on_msg(id_of(self, "on_msg"), argument(handler, "handler", "function", "on_msg"))
end

--- Has `handler` called when the front end closes the comm.
---@param handler fun(msg: {data: table, buffers: string[], metadata: table})
function methods:on_close(handler)
  host.on_close(id_of(self, "on_close"), argument(handler, "handler", "function", "on_close"))
end

return comm
