-- The global `llmspell`: the kernel itself.
local host, helpers = ...
local fail = helpers.fail
local rawset, setmetatable, tostring, type = rawset, setmetatable, tostring, type

---The kernel itself.
---@class llmspell
---@field version string The version of this program.
---@field persist boolean Whether your variables come back when the kernel of this notebook is restarted.
local llmspell = { version = host.version() }

---What is kept for a restart, and what is not.
---@return table status `enabled`, `saved_at`, `saved` (names), `not_saved` (tables with `name` and `reason`), `notes`.
function llmspell.persist_status() return host.status() end

return setmetatable(llmspell, {
  __name = "llmspell",
  __index = function(_, name)
    if name == "persist" then return host.is_on() end
  end,
  __newindex = function(self, name, value)
    if name ~= "persist" then
      rawset(self, name, value)
      return
    end
    if type(value) ~= "boolean" then fail("llmspell.persist is true or false, not " .. tostring(value)) end
    host.switch(value)
  end,
})
