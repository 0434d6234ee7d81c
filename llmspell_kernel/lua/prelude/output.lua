-- What goes to stdout, gathered: handing each printed line to the host would cost more than all the rest of
-- printing. The first text goes through at once; those after it are held until there are enough of them,
-- until anything else must be seen after them, or until the host, which shows output at regular intervals,
-- asks for them through the hook.
local host = ...
local write_out, write_err = host.write_out, host.write_err
local concat = table.concat

local MOST_TEXTS, MOST_BYTES = 200, 16384

local held, count, bytes = {}, 0, 0
local may_hold = host.may_hold
local holding = false
local busy, asked = false, false -- the hook may come between any two instructions

local function release()
  busy, asked, holding = true, false, false
  if count > 0 then
    local text = concat(held, "", 1, count)
    count, bytes = 0, 0
    write_out(text)
  end
  busy = false
end

local function write(text)
  busy = true -- already while it looks: what is held afterwards must not be forgotten by the next write
  if holding then
    held[count + 1] = text
    count = count + 1
    bytes = bytes + #text
    busy = false
    if asked or count >= MOST_TEXTS or bytes >= MOST_BYTES then release() end
    return
  end
  busy = false
  write_out(text)
  holding = may_hold
end

return {
  write_out = write,
  write_err = function(text)
    release()
    write_err(text)
  end,
  release = release,
  release_from_hook = function()
    if busy then asked = true else release() end
  end,
  -- While a script has a hook of its own, the host cannot ask for what is held.
  allow_holding = function(allowed)
    release()
    may_hold = allowed and host.may_hold
  end,
}
