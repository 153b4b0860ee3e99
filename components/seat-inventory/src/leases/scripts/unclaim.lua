-- After Postgres has freed the places of a booking. Repeating it has the same effect, also where others have the places by then.
-- ARGV: hold, booking, n, n of its seats that Postgres says are free, m, m of its seats that nobody has ever claimed, then area,
-- claimed, version of each area. Answers: ok
local id, booking, n = ARGV[1], ARGV[2], tonumber(ARGV[3])
local m = tonumber(ARGV[4 + n])
local seats, unclaimed, claimed = { unpack(ARGV, 4, 3 + n) }, { unpack(ARGV, 5 + n, 4 + n + m) }, {}
if call('HEXISTS', MAIN, 'loaded') == 1 then
  claimed = bits(CLAIMED, seats, 0)
  bits(SOLD, seats, 0)
end
local r = read(id)
if r and r.booking == booking then
  if r.counted == '1' then give_back({ r }) end
  r.status = 'released'
  write(r)
end
local entries = fields(seats)
for i, seat in ipairs(seats) do
  local entry = entries[i]
  if entry and string.sub(entry, 15) == id then
    forget({ seat })
    change(seat, 'f')
  elseif claimed[i] == 1 and holder(entry) then
    bits(HELDBITS, { seat }, 1)
    change(seat, 'h')
  elseif claimed[i] == 1 then
    change(seat, 'f')
  end
end
-- That these seats are the booking's is the caller's word only, so nothing but a lease of this hold ends here.
local is_claimed = bits(CLAIMED, unclaimed)
entries = fields(unclaimed)
for i, seat in ipairs(unclaimed) do
  if entries[i] and string.sub(entries[i], 15) == id then
    forget({ seat })
    if is_claimed[i] == 0 then change(seat, 'f') end
  end
end
for i = 5 + n + m, #ARGV, 3 do claim_area(ARGV[i], ARGV[i + 1], ARGV[i + 2]) end
announce()
return { 'ok' }
