-- The frames of the live feed after a sequence number, one for what has changed since the last included.
-- ARGV: sequence number. Answers: lost | frames, seq of the last, frames…   A frame: `12=h,13=f;floor=4` (places taken)
local after = tonumber(ARGV[1])
sweep(200)
announce()
local known = call('HMGET', MAIN, 'seq', 'flushed')
local seq = tonumber(known[1])
if not seq then return { 'lost' } end
if now - (tonumber(known[2]) or 0) >= 40 and call('EXISTS', PENDING) == 1 then
  -- The last change of a place counts.
  local seats, areas = {}, {}
  for _, item in ipairs(call('LRANGE', PENDING, 0, -1)) do
    local state, places = string.sub(item, 1, 1), string.sub(item, 3)
    if state == 'a' then
      areas[places] = true
    else
      for seat in string.gmatch(places, '%d+') do seats[seat] = state end
    end
  end
  local of_seats, of_areas = {}, {}
  for seat, state in pairs(seats) do of_seats[#of_seats + 1] = seat .. '=' .. state end
  for area in pairs(areas) do of_areas[#of_areas + 1] = area .. '=' .. used(area) end
  seq = seq + 1
  call('RPUSH', FRAMES, table.concat(of_seats, ',') .. ';' .. table.concat(of_areas, ','))
  call('LTRIM', FRAMES, -600, -1)
  call('EXPIRE', FRAMES, IDLE_S)
  call('DEL', PENDING)
  call('HSET', MAIN, 'seq', seq, 'flushed', now)
end
local missing = seq - after
if missing < 0 or missing > call('LLEN', FRAMES) then return { 'lost' } end
local answer = { 'frames', seq }
if missing > 0 then
  for _, frame in ipairs(call('LRANGE', FRAMES, -missing, -1)) do answer[#answer + 1] = frame end
end
return answer
