-- After Postgres has claimed (reserved) or sold the places of a booking.
-- ARGV: reserved | sold, hold, n, n seats, then area, claimed, version of each area. Answers: ok
local is_sold, id, n = ARGV[1] == 'sold', ARGV[2], tonumber(ARGV[3])
local seats = { unpack(ARGV, 4, 3 + n) }
local r = read(id)
local counted = r and r.counted == '1'
local till = now + OUTLIVE_MS
if counted then
  lengthen(r)
  till = math.max(till, r.due)
end

local mine, entries = {}, fields(seats)
for i, seat in ipairs(seats) do
  local by = holder(entries[i])
  if not by or by == id then mine[#mine + 1] = seat end
end
enter(mine, id, till)
-- Bits are only kept where they are complete.
if call('HEXISTS', MAIN, 'loaded') == 1 then
  local was_claimed, was_held = bits(CLAIMED, seats, 1), bits(HELDBITS, seats, 0)
  local was_sold = is_sold and bits(SOLD, seats, 1) or {}
  for i, seat in ipairs(seats) do
    if is_sold then
      if was_sold[i] == 0 then change(seat, 's') end
    elseif was_claimed[i] == 0 and was_held[i] == 0 then
      change(seat, 'h')
    end
  end
end
if counted then
  release_areas(r)
  r.due = till
  write(r)
  if is_sold then account(r) end
end
for i = 4 + n, #ARGV, 3 do claim_area(ARGV[i], ARGV[i + 1], ARGV[i + 2]) end
announce()
return { 'ok' }
