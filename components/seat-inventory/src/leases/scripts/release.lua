-- Its owner gives a hold back; again is the same.
-- ARGV: hold, user. Answers: missing | booked | ok
local r = read(ARGV[1])
if not r or r.user ~= ARGV[2] then return { 'missing' } end
local over = is_over(r)
if r.status == 'booked' and not over then return { 'booked' } end
if r.counted == '1' then
  r.status = over and 'expired' or 'released'
  give_back({ r })
  write(r)
  announce()
end
return { 'ok' }
