-- The global `widgets`: ipywidgets from Lua. A widget is an empty table that stands for a number; Python resolves it.
local host, helpers = ...
local fail, argument = helpers.fail, helpers.argument
local rawget, setmetatable, select, sort, tostring, type, pairs, ipairs, next =
  rawget, setmetatable, select, table.sort, tostring, type, pairs, ipairs, next
local unpack = table.unpack or unpack
local getinfo, getlocal = debug.getinfo, debug.getlocal

---Controls that the front end shows, and what happens to them.
---@class widgets
local widgets = {}

-- Proxies ------------------------------------------------------------------------------------------

---A control; its attributes are those of its ipywidgets class.
---@class widgets.Widget
local methods = {}
local Widget = { __name = "widget", __metatable = "widget" }
local numbers = setmetatable({}, { __mode = "k" }) -- proxy -> number
local proxies = setmetatable({}, { __mode = "v" }) -- number -> proxy
local tokens = setmetatable({}, { __mode = "k" })  -- function -> number
local last_token = 0

local function proxy(number)
  local self = proxies[number]
  if not self then
    self = setmetatable({}, Widget)
    numbers[self], proxies[number] = number, self
  end
  return self
end

local function number_of(value) return numbers[value] end

-- What makes widgets: function -> class name.
local classes = setmetatable({}, { __mode = "k" })

local function bad(name, func, problem)
  fail("bad argument '" .. name .. "' to '" .. func .. "' (" .. problem .. ")")
end

local function typed(value) return value == nil and "no value" or type(value) end

local function self_number(self, func)
  local number = numbers[self]
  if not number then
    bad("self", func, "widget expected, got " .. typed(self) .. "; write w:" .. func .. "(...)")
  end
  return number
end

local function widget_number(value, name, func)
  local number = value ~= nil and numbers[value]
  if not number then bad(name, func, "widget expected, got " .. typed(value)) end
  return number
end

local function token_of(f)
  local token = tokens[f]
  if not token then
    token = last_token + 1
    last_token, tokens[f] = token, token
  end
  return token
end

function Widget.__index(self, key)
  local method = methods[key]
  if method then return method end
  return host.get(numbers[self], argument(key, "key", "string", "widget"))
end

function Widget.__newindex(self, key, value)
  host.set(numbers[self], argument(key, "key", "string", "widget"), value)
end

function Widget.__tostring(self) return host.describe(numbers[self]) end

function Widget.__mimebundle(self) return host.mime_data(numbers[self]) end

host.adopt(proxy, number_of, {
  key_of = function(value) return value ~= nil and (numbers[value] or classes[value]) or nil end,
  index = Widget.__index,
  methods = methods,
  members = host.members,
  help = host.help,
})

-- Methods ------------------------------------------------------------------------------------------

--- Has `handler(change)` called when an attribute changes; change.name, change.old, change.new, change.owner.
---@param handler fun(change: table)
---@param names string|string[]|nil Attributes; "value" by default.
function methods:observe(handler, names)
  local number = self_number(self, "observe")
  argument(handler, "handler", "function", "observe")
  if names ~= nil and type(names) ~= "string" then argument(names, "names", "table", "observe") end
  host.observe(number, token_of(handler), handler, names)
end

--- Ends what observe began with the same handler.
---@param handler fun(change: table)
---@param names string|string[]|nil Attributes; all by default.
function methods:unobserve(handler, names)
  local number = self_number(self, "unobserve")
  argument(handler, "handler", "function", "unobserve")
  if names ~= nil and type(names) ~= "string" then argument(names, "names", "table", "unobserve") end
  host.unobserve(number, token_of(handler), names)
end

local function registration(func)
  return function(self, handler, remove)
    local number = self_number(self, func)
    argument(handler, "handler", "function", func)
    host[func](number, token_of(handler), handler, remove and true or false)
  end
end

--- Has `handler(button)` called for each click; with `remove` true, no longer.
methods.on_click = registration("on_click")

--- Has `handler(text)` called when Enter is pressed in a Text; with `remove` true, no longer.
methods.on_submit = registration("on_submit")

--- Has `handler(content, buffers)` called for the view's own messages; with `remove` true, no longer.
methods.on_msg = registration("on_msg")

--- Does what a click on the button does.
function methods:click() host.click(self_number(self, "click")) end

--- Takes the widget away from all views, for good.
function methods:close() host.close(self_number(self, "close")) end

--- Sends the view a message of its own kind.
---@param content table
---@param buffers string[]|nil
function methods:send(content, buffers)
  local number = self_number(self, "send")
  argument(content, "content", "table", "send")
  for _, buffer in ipairs(buffers == nil and {} or argument(buffers, "buffers", "table", "send")) do
    argument(buffer, "buffers", "string", "send")
  end
  host.send(number, content, buffers)
end

--- Moves the keyboard focus to the widget.
function methods:focus() host.act(self_number(self, "focus"), "focus") end

--- Takes the keyboard focus away from the widget.
function methods:blur() host.act(self_number(self, "blur"), "blur") end

--- Adds a CSS class.
---@param name string
function methods:add_class(name)
  host.act(self_number(self, "add_class"), "add_class", argument(name, "name", "string", "add_class"))
end

--- Removes a CSS class.
---@param name string
function methods:remove_class(name)
  host.act(self_number(self, "remove_class"), "remove_class", argument(name, "name", "string", "remove_class"))
end

-- Output -------------------------------------------------------------------------------------------

local function pack(...) return { n = select("#", ...), ... } end

--- Calls `f(...)`; what it prints and displays is shown by this Output.
---@param f function
---@return any ... What f returns.
function methods:with(f, ...)
  local number = self_number(self, "with")
  argument(f, "f", "function", "with")
  return host.capture(number, f, ...)
end

--- A function that calls `f` and shows in this Output what it prints and displays.
---@param f function
---@return function
function methods:capture(f)
  local number = self_number(self, "capture")
  argument(f, "f", "function", "capture")
  return function(...) return host.capture(number, f, ...) end
end

--- Clears the Output; with `wait` true, only when something new comes.
---@param wait boolean|nil
function methods:clear(wait) host.clear(self_number(self, "clear"), wait and true or false) end

--- Adds text to the Output.
---@param text string
function methods:append_stdout(text)
  local number = self_number(self, "append_stdout")
  host.append_text(number, "stdout", argument(text, "text", "string", "append_stdout"))
end

--- Adds text to the Output, shown as an error.
---@param text string
function methods:append_stderr(text)
  local number = self_number(self, "append_stderr")
  host.append_text(number, "stderr", argument(text, "text", "string", "append_stderr"))
end

--- Adds values to the Output as display would show them.
function methods:append_display(...) host.append_value(self_number(self, "append_display"), pack(...)) end

-- Links --------------------------------------------------------------------------------------------

---What the linking functions answer.
---@class widgets.Link
local Link = {}
Link.__index = Link
Link.__name = "widgets.link"
local links = setmetatable({}, { __mode = "k" })

--- Ends the link.
function Link:unlink()
  local token = links[self]
  if not token then bad("self", "unlink", "link expected, got " .. typed(self)) end
  host.unlink(token)
end

local function linker(kind)
  local func = "widgets." .. kind
  return function(source, source_name, target, target_name)
    local from, to = widget_number(source, "source", func), widget_number(target, "target", func)
    argument(source_name, "source_name", "string", func)
    argument(target_name, "target_name", "string", func)
    local link = setmetatable({}, Link)
    links[link] = host.link(kind, from, source_name, to, target_name)
    return link
  end
end

--- link(a, "value", b, "value") keeps two attributes equal; the result has unlink().
widgets.link = linker("link")

--- dlink(a, "value", b, "value") makes the second attribute follow the first.
widgets.dlink = linker("dlink")

--- Like link, but in the front end, without a way through Lua.
widgets.jslink = linker("jslink")

--- Like dlink, but in the front end, without a way through Lua.
widgets.jsdlink = linker("jsdlink")

-- Interaction --------------------------------------------------------------------------------------

local Fixed = { __name = "widgets.fixed" }
local fixed_values = setmetatable({}, { __mode = "k" })

--- An argument of an interactive function that has no control.
---@param value any
function widgets.fixed(value)
  local self = setmetatable({}, Fixed)
  fixed_values[self] = { value }
  return self
end

local function parameters(f)
  local info = getinfo(f, "u")
  local names = {}
  for i = 1, info.nparams or 0 do names[i] = getlocal(f, i) end
  return names, info.isvararg
end

-- The names of the controls in the order they are shown: the function's parameters, then the others.
local function ordered(params, controls, func)
  local order, seen, rest = {}, {}, {}
  for _, name in ipairs(params) do
    if controls[name] ~= nil then
      order[#order + 1], seen[name] = name, true
    end
  end
  for name in pairs(controls) do
    if type(name) ~= "string" then
      bad("controls", func, "names expected as keys, as in {x = 10}; got a " .. type(name))
    end
    if not seen[name] then rest[#rest + 1] = name end
  end
  sort(rest)
  for _, name in ipairs(rest) do order[#order + 1] = name end
  return order, #rest
end

-- How the function gets the values: as its parameters of these names, what is left as "..." in alphabetical order;
-- a function whose only parameter is none of the names gets all of them in one table.
local function arranger(f, controls, func)
  local params, is_vararg = parameters(f)
  local order, others = ordered(params, controls, func)
  if #params == 1 and controls[params[1]] == nil and not is_vararg then
    return order, function(values) return f(values) end
  end
  local listed = {}
  for _, name in ipairs(params) do
    if controls[name] == nil then bad("controls", func, "there is none for the parameter '" .. name .. "'") end
    listed[name] = true
  end
  if others > 0 and not is_vararg then
    for _, name in ipairs(order) do
      if not listed[name] then bad("controls", func, "the function has no parameter '" .. name .. "'") end
    end
  end
  return order, function(values)
    local args = {}
    for i, name in ipairs(order) do args[i] = values[name] end
    return f(unpack(args, 1, #order))
  end
end

local function show(...)
  if select("#", ...) > 0 and (...) ~= nil then host.show(pack(...)) end
end

local function start(func, is_shown)
  return function(f, controls, options)
    argument(f, "f", "function", func)
    argument(controls, "controls", "table", func)
    local manual
    if options ~= nil then
      argument(options, "options", "table", func)
      if options.manual then manual = options.manual_name or "Run Interact" end
    end
    local order, call = arranger(f, controls, func)
    local moving, fixed = {}, {}
    for _, name in ipairs(order) do
      local kept = fixed_values[controls[name]]
      if kept then fixed[name] = kept[1] else moving[#moving + 1] = name end
    end
    local function run(values)
      for name, value in pairs(fixed) do values[name] = value end
      show(call(values))
    end
    return host.interact(run, moving, controls, is_shown, manual)
  end
end

--- A box with a control for each argument of `f`, and below them what f prints and returns; f is called at
--- once and after each change.
---@param f function
---@param controls table What controls are made of, by the name of the parameter: a number, {min, max} or {min, max, step} (a slider), a list (a dropdown), a boolean (a checkbox), a string (a text field), or a widget.
---@param options {manual: boolean, manual_name: string}|nil With manual, f is called by a button.
---@return table box
widgets.interactive = start("widgets.interactive", false)

local interact = start("widgets.interact", true)

--- Shows the box that widgets.interactive makes.
---@param f function
---@param controls table What controls are made of, by the name of the parameter: a number, {min, max} or {min, max, step} (a slider), a list (a dropdown), a boolean (a checkbox), a string (a text field), or a widget.
---@param options {manual: boolean, manual_name: string}|nil With manual, f is called by a button.
function widgets.interact(f, controls, options) interact(f, controls, options) end

-- Classes ------------------------------------------------------------------------------------------

local function class(name)
  local function make(properties)
    if properties ~= nil and (type(properties) ~= "table" or numbers[properties]) then
      bad("properties", "widgets." .. name, "table expected, got " .. (numbers[properties] and "widget" or type(properties))
        .. "; write widgets." .. name .. "{...}")
    end
    return host.make(name, properties)
  end
  classes[make] = name
  return make
end

for _, name in ipairs(host.names()) do widgets[name] = class(name) end

return setmetatable(widgets, {
  __index = function(_, name)
    if type(name) ~= "string" then return nil end
    host.check_class(name)
    return class(name)
  end,
})
