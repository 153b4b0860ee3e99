-- Holds places for a user: all or none. This is the hot path: it makes few calls, creates no functions, and leaves ended holds to `sweep`.
-- ARGV: hold, user, ttl ms, most places of the user, body, n, n seats, then area, quantity, capacity of each area.
-- Answers: reload, now | closed | sweep | limit, places that the user has | taken, places… | created, fence, expires ms, refresh, sweep
-- | existing, record: the same hold is alive | id_reused: a hold with this id has ended.
local PROTECTED = true
local SWEEP_MS, MOST_PENDING = 50, 20000
local id, user, n = ARGV[1], 'u:' .. ARGV[2], tonumber(ARGV[6])
local seats = { unpack(ARGV, 7, 6 + n) }
local known = call('HMGET', MAIN, 'loaded', 'fence', 'refreshing', 'swept', 'closed', user, unpack(seats))
local loaded = tonumber(known[1]) or 0
if now - loaded > LOADED_MS then return { 'reload', now } end
if known[5] then return { 'closed' } end

local quantity = n
for i = 8 + n, #ARGV, 3 do quantity = quantity + ARGV[i] end
local had, account = 0, ''
if known[6] then
  for hold, places, till in string.gmatch(known[6], '([^=,]+)=(%d+)=(%d+)') do
    if tonumber(till) > now then
      if hold == id then return { 'existing', call('HGET', MAIN, id) } end
      had = had + places
      account = account .. hold .. '=' .. places .. '=' .. till .. ','
    end
  end
end
if had + quantity > tonumber(ARGV[4]) then return { 'limit', had } end

local taken, sets = {}, {}
if n > 0 then
  local gets = {}
  for i = 1, n do
    local get, set, seat = i * 3 - 2, i * 4 - 3, seats[i]
    gets[get], gets[get + 1], gets[get + 2] = 'GET', 'u1', seat
    sets[set], sets[set + 1], sets[set + 2], sets[set + 3] = 'SET', 'u1', seat, 1
  end
  local claimed = call('BITFIELD_RO', CLAIMED, unpack(gets))
  for i = 1, n do
    local entry = known[6 + i]
    if claimed[i] == 1 or (entry and tonumber(string.sub(entry, 1, 13)) > now) then taken[#taken + 1] = seats[i] end
  end
end
local areas = ''
for i = 7 + n, #ARGV, 3 do
  local area = ARGV[i]
  local counts = call('HMGET', AREAS, 'c:' .. area, 'h:' .. area)
  local used = (counts[1] and string.match(counts[1], '^%d+') or 0) + math.max(tonumber(counts[2]) or 0, 0)
  if used + ARGV[i + 1] > tonumber(ARGV[i + 2]) then
    -- Only the sweep gives places of areas back.
    if #call('ZRANGEBYSCORE', DUE, '-inf', now, 'LIMIT', 0, 1) > 0 then return { 'sweep' } end
    taken[#taken + 1] = 'a:' .. area
  end
  areas = areas .. (areas == '' and '' or ',') .. area .. '=' .. ARGV[i + 1]
end
if PROTECTED and #taken > 0 then return { 'taken', unpack(taken) } end

-- Rises even over an emptied Redis, since the clock did.
local fence = string.format('%.0f', math.max((tonumber(known[2]) or 0) + 1, time[1] * 1000000 + time[2]))
local expires = string.format('%.0f', now + ARGV[3])
-- Before anything else is written. Every record has its place there.
if call('ZADD', DUE, 'NX', expires, id) == 0 then return { 'id_reused' } end
local list, entry = table.concat(seats, ','), expires .. ':' .. id
local words = { 'fence', fence, user, account .. id .. '=' .. quantity .. '=' .. expires,
  id, '1|active|' .. ARGV[2] .. '||' .. fence .. '|' .. expires .. '|' .. expires .. '|0|' .. quantity .. '|' .. list .. '|' .. areas .. '|' .. ARGV[5] }
for i = 1, n do words[i * 2 + 5], words[i * 2 + 6] = seats[i], entry end
local refresh, sweep = 0, 0
if now - loaded > REFRESH_MS and now - (tonumber(known[3]) or 0) > 5000 then
  refresh = 1
  words[#words + 1], words[#words + 2] = 'refreshing', now
end
if now - (tonumber(known[4]) or 0) > SWEEP_MS then
  sweep = 1
  words[#words + 1], words[#words + 2] = 'swept', now
end
call('HSET', MAIN, unpack(words))
local pending = 0
if n > 0 then
  call('BITFIELD', HELDBITS, unpack(sets))
  pending = call('RPUSH', PENDING, 'h:' .. list)
end
for i = 7 + n, #ARGV, 3 do
  call('HINCRBY', AREAS, 'h:' .. ARGV[i], ARGV[i + 1])
  pending = call('RPUSH', PENDING, 'a:' .. ARGV[i])
end
if pending > MOST_PENDING then
  -- Nobody listens. Who comes later begins with a snapshot.
  call('DEL', PENDING, FRAMES)
  call('HINCRBY', MAIN, 'seq', 1)
end
if not known[2] then
  for _, key in ipairs(KEYS) do call('EXPIRE', key, IDLE_S) end
end
return { 'created', tonumber(fence), tonumber(expires), refresh, sweep }
