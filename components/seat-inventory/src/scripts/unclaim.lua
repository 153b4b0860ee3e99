-- After Postgres has given the places of a booking back.
-- ARGV: hold, booking, n, n seats that were its, then area, claimed, version of each area. Answers: ok
local id, booking, n = ARGV[1], ARGV[2], tonumber(ARGV[3])
local seats = { unpack(ARGV, 4, 3 + n) }
if call('HEXISTS', MAIN, 'loaded') == 1 then
  bits(CLAIMED, seats, 0)
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
  local by = holder(entries[i])
  if by and by ~= id then
    bits(HELDBITS, { seat }, 1)
    change(seat, 'h')
  else
    if entries[i] then forget({ seat }) end
    change(seat, 'f')
  end
end
for i = 4 + n, #ARGV, 3 do claim_area(ARGV[i], ARGV[i + 1], ARGV[i + 2]) end
announce()
return { 'ok' }
