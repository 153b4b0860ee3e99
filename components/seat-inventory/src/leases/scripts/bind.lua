-- Binds a hold to a booking. Binding it again has the same effect and does not prolong it: until the booking has its places, that
-- would be a hold without an end. A booking that is never written keeps its places for a short while only.
-- ARGV: hold, user, booking, until when it lasts once the booking reserves (ms), how long it lasts at least before that (ms).
-- Answers: missing | ended | booked | closed | ok, record
local r = read(ARGV[1])
if not r or r.user ~= ARGV[2] then return { 'missing' } end
if is_over(r) then return { 'ended' } end
if r.status == 'booked' then
  if r.booking ~= ARGV[3] then return { 'booked' } end
  return { 'ok', record(r) }
end
if call('HEXISTS', MAIN, 'closed') == 1 then return { 'closed' } end
r.status, r.booking = 'booked', ARGV[3]
local till = math.max(tonumber(ARGV[4]), r.due)
lease(r, math.max(math.min(till, now + tonumber(ARGV[5])), r.due), till)
return { 'ok', record(r) }
