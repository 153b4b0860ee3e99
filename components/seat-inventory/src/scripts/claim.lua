-- A booking takes a hold over; again is the same, and makes it last no longer: until the booking has its places, that would
-- be a hold without an end.
-- ARGV: hold, user, booking, until ms. Answers: missing | ended | booked | closed | ok, record
local r, till = read(ARGV[1]), tonumber(ARGV[4])
if not r or r.user ~= ARGV[2] then return { 'missing' } end
if r.status == 'booked' then
  if r.booking ~= ARGV[3] then return { 'booked' } end
  return { 'ok', record(r) }
end
if r.status ~= 'active' or r.expires <= now then return { 'ended' } end
if call('HEXISTS', MAIN, 'closed') == 1 then return { 'closed' } end
r.status, r.booking = 'booked', ARGV[3]
lease(r, math.max(till, r.due))
return { 'ok', record(r) }
