-- What comes before every script: a reply is written as a kind and what belongs to it, so that it can be told apart after Spin has
-- made one flat list of it. '_' nil, ':' number, '$' bytes, '+' status, '*' length and items, '-' error, '!' not supported.
local function reply_(r, o)
  local kind = type(r)
  if kind == 'string' then o[#o + 1] = '$' o[#o + 1] = r
  elseif kind == 'number' then
    -- Redis' numbers have 64 bits, Lua's are exact to 53.
    if r > 9007199254740991 or r < -9007199254740991 then o[#o + 1] = '!' o[#o + 1] = 'a number of more than 53 bits'
    else o[#o + 1] = ':' o[#o + 1] = r end
  elseif kind == 'boolean' and r then o[#o + 1] = ':' o[#o + 1] = 1
  elseif kind ~= 'table' then o[#o + 1] = '_'
  elseif r.err then o[#o + 1] = '-' o[#o + 1] = r.err
  elseif r.ok then o[#o + 1] = '+' o[#o + 1] = r.ok
  elseif r[1] == nil and next(r) ~= nil then o[#o + 1] = '!' o[#o + 1] = 'a kind of reply that is not supported'
  else
    local n, at = 0, #o
    o[at + 1] = '*' o[at + 2] = 0
    while r[n + 1] ~= nil do
      local item = r[n + 1]
      if type(item) == 'table' then
        if item.ok then item = item.ok
        else
          for i = #o, at + 1, -1 do o[i] = nil end
          if item.err then o[at + 1] = '-' o[at + 2] = item.err
          else o[at + 1] = '!' o[at + 2] = 'a reply of arrays within an array' end
          return
        end
      elseif item == true then item = 1
      elseif type(item) == 'number' and (item > 9007199254740991 or item < -9007199254740991) then
        for i = #o, at + 1, -1 do o[i] = nil end
        o[at + 1] = '!' o[at + 2] = 'a number of more than 53 bits'
        return
      end
      n = n + 1
      o[at + 2 + n] = item
    end
    o[at + 2] = n
  end
end
