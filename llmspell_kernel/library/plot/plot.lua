-- The global `plot`: charts as values, which show themselves.
local host, helpers = ...
local fail, argument = helpers.fail, helpers.argument
local getmetatable, setmetatable, type, select = getmetatable, setmetatable, type, select

---Charts as values, which show themselves.
---@class plot
---@field defaults table Options for every chart: `plot.defaults.width = 600`, `plot.defaults.png = false`.
local plot = { defaults = {} }

---@class plot.chart
---@field json string The Vega-Lite specification as JSON text.
---@field png boolean Whether a picture is shown beside it.
local chart = {}

local function bad(name, func, problem)
  fail("bad argument '" .. name .. "' to '" .. func .. "' (" .. problem .. ")")
end

local Chart = { __index = chart, __name = "plot.chart" }

local function new(json, png) return setmetatable({ json = json, png = png }, Chart) end

local function check(value, name, func)
  if type(value) ~= "table" or getmetatable(value) ~= Chart then
    bad(name, func, "a chart expected, got " .. (value == nil and "no value" or type(value)))
  end
  return value
end

function Chart.__mimebundle(self) return host.bundle(self.json, self.png) end

function Chart.__tostring(self) return host.describe(self.json) end

-- The charts among the arguments, as one.
local function combined(how, func, ...)
  local texts, png = {}, false
  for i = 1, select("#", ...) do
    local each = check((select(i, ...)), "chart " .. i, func)
    texts[i], png = each.json, png or each.png
  end
  if #texts == 0 then check(nil, "chart 1", func) end
  return new(host.combine(how, texts), png)
end

-- `a .. b` draws b over a.
function Chart.__concat(a, b) return combined("layer", "..", a, b) end

---Writes the chart into a file, whose extension names the format: .png, .svg, .html, .pdf or .json.
---@param path string
function chart:save(path)
  check(self, "self", "chart:save")
  host.save(self.json, argument(path, "path", "string", "chart:save"))
end

---The chart's Vega-Lite specification as a table, to be changed and given to `plot.vegalite`.
---@return table
function chart:spec() return host.parse(check(self, "self", "chart:spec").json) end

-- (data, options), or (xs, ys, options).
local function draw(kind, data, second, third)
  local func = "plot." .. kind
  argument(data, "data", "table", func)
  if second ~= nil then argument(second, third == nil and "options" or "ys", "table", func) end
  if third ~= nil then argument(third, "options", "table", func) end
  argument(plot.defaults, "plot.defaults", "table", func)
  local options = second
  if third ~= nil or (type(second) == "table" and second[1] ~= nil) then
    data, options = { x = data, y = second }, third
  end
  return new(host.chart(kind, data, options or {}, plot.defaults))
end

---Draws lines: `plot.line({1, 4, 9})`, `plot.line(xs, ys)`, `plot.line({a = {...}, b = {...}})`,
---`plot.line(records, {x = "day", y = "count", color = "city"})`.
---@param data table Numbers, pairs, records, columns or series by name.
---@param options? table x, y, color, title, xlabel, ylabel, width, height, log, points, png
---@return plot.chart
function plot.line(data, options, ...) return draw("line", data, options, ...) end

---Draws a point for each pair of x and y.
---@param data table Numbers, pairs, records, columns or series by name.
---@param options? table x, y, color, size, title, xlabel, ylabel, width, height, log, png
---@return plot.chart
function plot.scatter(data, options, ...) return draw("scatter", data, options, ...) end

---Draws bars: `plot.bar({apples = 3, pears = 5})`. Names without numbers are counted.
---@param data table Numbers, pairs, records, columns, series by name, or a number by name.
---@param options? table x, y, color, stacked, horizontal, title, xlabel, ylabel, width, height, log, png
---@return plot.chart
function plot.bar(data, options, ...) return draw("bar", data, options, ...) end

---Draws how often values occur.
---@param data table Numbers or names; records with the option `x`; series by name.
---@param options? table x, bins, color, stacked, horizontal, title, xlabel, ylabel, width, height, log, png
---@return plot.chart
function plot.histogram(data, options) return draw("histogram", data, options) end

---Draws lines with the space below them filled.
---@param data table Numbers, pairs, records, columns or series by name.
---@param options? table x, y, color, stacked, title, xlabel, ylabel, width, height, log, png
---@return plot.chart
function plot.area(data, options, ...) return draw("area", data, options, ...) end

---Draws charts over each other, on the same axes; `a .. b` does the same.
---@param ... plot.chart
---@return plot.chart
function plot.layer(...) return combined("layer", "plot.layer", ...) end

---Puts charts side by side.
---@param ... plot.chart
---@return plot.chart
function plot.beside(...) return combined("beside", "plot.beside", ...) end

---Puts charts below each other.
---@param ... plot.chart
---@return plot.chart
function plot.below(...) return combined("below", "plot.below", ...) end

---A chart from a Vega-Lite specification of your own.
---@param spec table|string A table, or JSON text.
---@param options? table png
---@return plot.chart
function plot.vegalite(spec, options)
  if type(spec) ~= "string" then argument(spec, "spec", "table", "plot.vegalite") end
  if options ~= nil then argument(options, "options", "table", "plot.vegalite") end
  return new(host.vegalite(spec), not options or options.png ~= false)
end

return plot
