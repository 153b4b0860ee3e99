-- Takes over what Postgres says is claimed. Two may do it at once; what is newer here is kept.
-- ARGV: ms when reading began by this clock, claimed bits, sold bits, 1 where the sale is closed (0: perhaps not yet), then area, claimed, version of each area.
-- Answers: loaded | late
local as_of = tonumber(ARGV[1])
if now - as_of > REFRESH_MS then return { 'late' } end
local before = call('HGET', MAIN, 'loaded')
if before and tonumber(before) >= as_of then return { 'loaded' } end

local touched = {}
local function bit_of(text, seat)
  local byte = string.byte(text, math.floor(seat / 8) + 1) or 0
  return bit.band(bit.rshift(byte, 7 - seat % 8), 1)
end
local function merge(key, fresh)
  local old = call('GET', key) or ''
  if old == fresh then return fresh end
  local merged = {}
  for at = 1, math.max(#old, #fresh) do
    local was, is = string.byte(old, at) or 0, string.byte(fresh, at) or 0
    if was ~= is then
      for place = 0, 7 do
        local mask = bit.lshift(1, 7 - place)
        if bit.band(was, mask) ~= bit.band(is, mask) then
          local seat = (at - 1) * 8 + place
          if bit.band(was, mask) ~= 0 and holder(call('HGET', MAIN, seat)) then
            -- Claimed after Postgres was read, it may be.
            is = is + mask
          else
            touched[seat] = true
          end
        end
      end
    end
    merged[at] = string.char(is)
  end
  merged = table.concat(merged)
  call('SET', key, merged)
  return merged
end
local claimed, sold = merge(CLAIMED, ARGV[2]), merge(SOLD, ARGV[3])

-- A claimed seat is not counted as held as well.
local both, held = {}, call('GET', HELDBITS) or ''
for at = 1, math.min(#held, #claimed) do
  local common = bit.band(string.byte(held, at), string.byte(claimed, at))
  for place = 0, 7 do
    if bit.band(common, bit.lshift(1, 7 - place)) ~= 0 then both[#both + 1] = (at - 1) * 8 + place end
  end
end
bits(HELDBITS, both, 0)

for i = 5, #ARGV, 3 do claim_area(ARGV[i], ARGV[i + 1], ARGV[i + 2]) end
if before then
  for seat in pairs(touched) do
    local state = 'f'
    if bit_of(sold, seat) == 1 then
      state = 's'
    elseif bit_of(claimed, seat) == 1 or holder(call('HGET', MAIN, seat)) then
      state = 'h'
    end
    change(seat, state)
  end
  announce()
end
-- Otherwise the feed begins anew, with a snapshot.
call('HSET', MAIN, 'loaded', as_of, 'refreshing', 0)
if ARGV[4] == '1' then call('HSET', MAIN, 'closed', 1) end
keep()
return { 'loaded' }
