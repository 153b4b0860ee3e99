-- After Postgres has given the places of a booking back; again is the same, also where others have them by then.
-- ARGV: hold, booking, n, n of its seats that Postgres says are free, then area, claimed, version of each area. Answers: ok
local id, booking, n = ARGV[1], ARGV[2], tonumber(ARGV[3])
local seats, claimed = { unpack(ARGV, 4, 3 + n) }, {}
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
for i = 4 + n, #ARGV, 3 do claim_area(ARGV[i], ARGV[i + 1], ARGV[i + 2]) end
announce()
return { 'ok' }
