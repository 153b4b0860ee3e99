-- Gives a hold another term, once.
-- ARGV: hold, user, ttl ms. Answers: missing | ended | booked | closed | extended | ok, record
local r = read(ARGV[1])
if not r or r.user ~= ARGV[2] then return { 'missing' } end
if r.status == 'booked' then return { 'booked' } end
if r.status ~= 'active' or r.expires <= now then return { 'ended' } end
if call('HEXISTS', MAIN, 'closed') == 1 then return { 'closed' } end
if r.extended == '1' then return { 'extended' } end
r.extended = '1'
lease(r, now + tonumber(ARGV[3]))
return { 'ok', record(r) }
