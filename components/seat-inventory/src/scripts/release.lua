-- Its owner gives a hold back; again is the same.
-- ARGV: hold, user. Answers: missing | booked | ok
local r = read(ARGV[1])
if not r or r.user ~= ARGV[2] then return { 'missing' } end
if r.status == 'booked' then return { 'booked' } end
if r.status == 'active' then
  r.status = r.expires <= now and 'expired' or 'released'
  give_back({ r })
  write(r)
  announce()
end
return { 'ok' }
