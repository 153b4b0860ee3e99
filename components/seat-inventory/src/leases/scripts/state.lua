-- What is taken, as one moment.
-- ARGV: the least sequence number that the feed must have (0: any).
-- Answers: reload, now | state, now, seq, refresh, claimed bits, sold bits, held bits, then area, places taken of each area
local least = tonumber(ARGV[1])
local known = call('HMGET', MAIN, 'loaded', 'seq', 'refreshing')
local loaded, seq = tonumber(known[1]) or 0, tonumber(known[2])
if now - loaded > LOADED_MS then return { 'reload', now } end
sweep(500)
announce()
-- At most one frame per 40 ms is made, so a feed that begins anew does not fall behind one that was lost.
local begin = seq or math.floor(now / 40) + 1
if begin < least then
  begin = least
  call('DEL', FRAMES)
end
if begin ~= seq then call('HSET', MAIN, 'seq', begin) end
local answer = { 'state', now, begin, refresh(loaded, known[3]), call('GET', CLAIMED) or '', call('GET', SOLD) or '', call('GET', HELDBITS) or '' }
local seen = {}
for _, field in ipairs(call('HKEYS', AREAS)) do
  local area = string.sub(field, 3)
  if not seen[area] then
    seen[area] = true
    answer[#answer + 1] = area
    answer[#answer + 1] = used(area)
  end
end
return answer
