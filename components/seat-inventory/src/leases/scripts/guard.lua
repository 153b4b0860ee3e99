-- Before a booking claims places in Postgres: nobody else must hold its seats, and from here on nobody else can.
-- ARGV: hold, seats… Answers: taken, seats… | clear
local id, seats = ARGV[1], { unpack(ARGV, 2) }
local taken, till = { 'taken' }, now + OUTLIVE_MS
local entries = fields(seats)
for i, seat in ipairs(seats) do
  local by, ends = holder(entries[i])
  if by and by ~= id then taken[#taken + 1] = seat end
  if by == id then till = math.max(till, ends) end
end
if #taken > 1 then return taken end
local r = read(id)
if r and r.counted == '1' then
  lengthen(r)
  till = math.max(till, r.due)
end
enter(seats, id, till)
return { 'clear' }
