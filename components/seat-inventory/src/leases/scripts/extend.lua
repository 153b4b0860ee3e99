-- Gives a hold another term, once.
-- ARGV: hold, user, ttl ms. Answers: missing | ended | booked | closed | extended | ok, record
local r = read(ARGV[1])
if not r or r.user ~= ARGV[2] then return { 'missing' } end
if is_over(r) then return { 'ended' } end
if r.status == 'booked' then return { 'booked' } end
if call('HEXISTS', MAIN, 'closed') == 1 then return { 'closed' } end
if r.extended == '1' then return { 'extended' } end
r.extended = '1'
local till = now + tonumber(ARGV[3])
lease(r, till, till)
return { 'ok', record(r) }
