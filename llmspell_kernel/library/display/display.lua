-- The global `display`: shows values, markup, pictures and progress bars.
local host, helpers = ...
local fail, argument, no_option = helpers.fail, helpers.argument, helpers.no_option
local select, setmetatable, tostring, type, pairs, ipairs, next =
  select, setmetatable, tostring, type, pairs, ipairs, next
local sort, unpack = table.sort, table.unpack or unpack

---What scripts show on purpose.
---@class display
local display = {}

-- Arguments ----------------------------------------------------------------------------------------

local function bad(name, func, problem)
  fail("bad argument '" .. name .. "' to '" .. func .. "' (" .. problem .. ")")
end

local function typed(value) return value == nil and "no value" or type(value) end

local OPTIONS = {
  id = "string", metadata = "table", width = "number", height = "number", expanded = "boolean",
}

-- Options are checked by name; `known` lists those that the function takes.
local function check_options(options, func, known)
  if options == nil then return nil end
  argument(options, "options", "table", func)
  for name, value in pairs(options) do
    if not known[name] then
      local names = {}
      for each in pairs(known) do names[#names + 1] = each end
      sort(names)
      bad("options", func, no_option(tostring(name), names))
    end
    argument(value, name, OPTIONS[name], func)
  end
  return options
end

-- Handles ------------------------------------------------------------------------------------------

local send

---What was shown, to be replaced later.
---@class display.handle
---@field id string The display id; several places may show the same one.
---@field kind string How it was shown: "value", "html" ...
local handle = {}

-- As a cell's result a handle shows nothing: what it stands for is shown already.
local Handle = {
  __index = handle,
  __name = "display.handle",
  __mimebundle = {},
  __tostring = function(self) return "display.handle: " .. tostring(self.id) end,
}

local function new_handle(id, kind) return setmetatable({ id = id, kind = kind }, Handle) end

local function check_handle(self, func)
  if type(self) ~= "table" or type(self.id) ~= "string" then
    bad("self", func, "a handle expected, got " .. typed(self) .. "; call it as handle:update(value)")
  end
end

local TEXT_KINDS = {
  html = true, markdown = true, latex = true, svg = true, png = true, jpeg = true, image = true, audio = true,
  video = true,
}

-- A handle keeps its kind for what that kind can show.
local function kind_for(self, value)
  local kind = self.kind
  if not kind or (TEXT_KINDS[kind] and type(value) ~= "string") then return "value" end
  return kind
end

---Replaces what is shown under this handle, in every place that shows it.
---A string given to a handle of `display.html` and the like is again of that kind; other values show as `display` would show them.
---@param value any
---@param options? table As for the function that made the handle.
---@return display.handle
function handle:update(value, options)
  check_handle(self, "handle:update")
  send(kind_for(self, value), value, options, self.id, true, "handle:update")
  return self
end

---Shows a value in one more place, under the same id.
---@param value any
---@param options? table
---@return display.handle
function handle:display(value, options)
  check_handle(self, "handle:display")
  send(kind_for(self, value), value, options, self.id, false, "handle:display")
  return self
end

-- Showing --------------------------------------------------------------------------------------------

local COMMON = { id = true, metadata = true }
local SIZED = { id = true, metadata = true, width = true, height = true }
local KNOWN = {
  json = { id = true, metadata = true, expanded = true },
  svg = SIZED, png = SIZED, jpeg = SIZED, image = SIZED, audio = SIZED, video = SIZED,
}

-- What each kind calls its argument.
local NAMES = {
  html = "text", markdown = "text", latex = "text", svg = "text", bundle = "data", vegalite = "spec", json = "value",
}

local function checked(kind, value, func)
  local name, actual = NAMES[kind] or "source", type(value)
  if kind == "value" then
    return { n = 1, value }
  elseif TEXT_KINDS[kind] then
    if actual == "number" and name == "text" then return tostring(value) end
    argument(value, name, "string", func)
  elseif kind == "json" then
    if actual == "number" or actual == "boolean" then return tostring(value) end
    if actual ~= "string" then argument(value, name, "table", func) end
  elseif kind == "bundle" or actual ~= "string" then
    argument(value, name, "table", func)
  end
  return value
end

function send(kind, value, options, id, update, func)
  value = checked(kind, value, func)
  options = check_options(options, func, KNOWN[kind] or COMMON)
  return host.show(kind, value, id or options and options.id, update, options)
end

local function show(kind, value, options)
  return new_handle(send(kind, value, options, nil, false, "display." .. kind), kind)
end

---Shows HTML.
---@param text string
---@param options? {id?: string, metadata?: table}
---@return display.handle
function display.html(text, options) return show("html", text, options) end

---Shows Markdown, with formulas between dollar signs.
---@param text string
---@param options? {id?: string, metadata?: table}
---@return display.handle
function display.markdown(text, options) return show("markdown", text, options) end

---Shows a LaTeX formula; write the dollar signs too: `display.latex[[$\frac{1}{2}$]]`.
---@param text string
---@param options? {id?: string, metadata?: table}
---@return display.handle
function display.latex(text, options) return show("latex", text, options) end

---Shows an SVG drawing.
---@param text string The drawing's source.
---@param options? {id?: string, metadata?: table, width?: number, height?: number}
---@return display.handle
function display.svg(text, options) return show("svg", text, options) end

---Shows a PNG picture.
---@param source string The file's bytes or its path.
---@param options? {id?: string, metadata?: table, width?: number, height?: number}
---@return display.handle
function display.png(source, options) return show("png", source, options) end

---Shows a JPEG picture.
---@param source string The file's bytes or its path.
---@param options? {id?: string, metadata?: table, width?: number, height?: number}
---@return display.handle
function display.jpeg(source, options) return show("jpeg", source, options) end

---Shows a picture of any format that browsers know.
---@param source string The file's bytes, its path, or a URL (which the browser loads).
---@param options? {id?: string, metadata?: table, width?: number, height?: number}
---@return display.handle
function display.image(source, options) return show("image", source, options) end

---Shows a player for sound.
---@param source string The file's bytes, its path, or a URL.
---@param options? {id?: string, metadata?: table, width?: number, height?: number}
---@return display.handle
function display.audio(source, options) return show("audio", source, options) end

---Shows a player for film.
---@param source string The file's bytes, its path, or a URL.
---@param options? {id?: string, metadata?: table, width?: number, height?: number}
---@return display.handle
function display.video(source, options) return show("video", source, options) end

---Shows a tree of JSON data that can be folded.
---@param value table|string|number|boolean A table, or a string that is JSON text.
---@param options? {id?: string, metadata?: table, expanded?: boolean}
---@return display.handle
function display.json(value, options) return show("json", value, options) end

---Draws a Vega-Lite specification. `plot` makes such specifications of your data.
---@param spec table|string A table, or a string that is JSON text.
---@param options? {id?: string, metadata?: table}
---@return display.handle
function display.vegalite(spec, options) return show("vegalite", spec, options) end

---Shows data by MIME type, of which a front end takes the richest it knows: `display.bundle{["text/html"] = "<b>hi</b>"}`.
---@param data table<string, any>
---@param options? {id?: string, metadata?: table}
---@return display.handle
function display.bundle(data, options) return show("bundle", data, options) end

---A handle that shows nothing yet: `handle:display(value)` does.
---@param id? string A display id; a new one if it is left out.
---@return display.handle
function display.new(id)
  if id == nil then id = host.new_id() else argument(id, "id", "string", "display.new") end
  return new_handle(id, nil)
end

---Replaces what is shown under an id.
---@param id string|display.handle
---@param value any
function display.update(id, value)
  if type(id) == "table" and type(id.id) == "string" then id = id.id end
  argument(id, "id", "string", "display.update")
  send("value", value, nil, id, true, "display.update")
end

---Clears what the cell has shown.
---@param wait? boolean|{wait?: boolean} Only when something new is shown, so that nothing flickers.
function display.clear(wait)
  if type(wait) == "table" then wait = wait.wait end
  if wait ~= nil and type(wait) ~= "boolean" then
    bad("wait", "display.clear", "boolean expected, got " .. type(wait))
  end
  host.clear(wait == true)
end

---Shows values as a cell shows its result: each in the richest form it has.
---@param ... any
---@return display.handle ... One for each value.
local function call(_, ...)
  local n = select("#", ...)
  if n == 0 then bad("value", "display", "a value expected, got no value") end
  if n == 1 then return new_handle(send("value", (...), nil, nil, false, "display"), "value") end
  local handles, values = {}, { ... }
  for i = 1, n do
    handles[i] = new_handle(send("value", values[i], nil, nil, false, "display"), "value")
  end
  return unpack(handles, 1, n)
end

return setmetatable(display, { __call = call, __name = "display" })
