-- What the scripts share that are not the hot path; making these functions costs more than a hold does.

-- An entry of a claimed seat outlives the claim by more than a stale load lasts, so that no load can make it look free.
local OUTLIVE_MS = 70000
-- How long the record of an ended hold is kept.
local ENDED_MS = 3600000

-- unpack() has a limit, hence portions.
local PORTION = 500

-- Changes for the live feed.
local changes = {}
local function change(place, state) changes[place] = state end

local function announce()
  local lists = {}
  for place, state in pairs(changes) do
    if state == 'a' then
      call('RPUSH', PENDING, 'a:' .. place)
    else
      local list = lists[state] or {}
      list[#list + 1] = place
      lists[state] = list
    end
  end
  for state, list in pairs(lists) do call('RPUSH', PENDING, state .. ':' .. table.concat(list, ',')) end
  changes = {}
end

-- The bits of these seats; with a value they are set to it and the old ones are returned.
local function bits(key, seats, value)
  local found = {}
  for first = 1, #seats, PORTION do
    local words = {}
    for i = first, math.min(first + PORTION - 1, #seats) do
      words[#words + 1] = value and 'SET' or 'GET'
      words[#words + 1] = 'u1'
      words[#words + 1] = seats[i]
      words[#words + 1] = value
    end
    local portion = call(value and 'BITFIELD' or 'BITFIELD_RO', key, unpack(words))
    if #seats <= PORTION then return portion end
    for _, one in ipairs(portion) do found[#found + 1] = one end
  end
  return found
end

local function fields(names)
  local found = {}
  for first = 1, #names, PORTION do
    local last = math.min(first + PORTION - 1, #names)
    local portion = call('HMGET', MAIN, unpack(names, first, last))
    for i = first, last do found[i] = portion[i - first + 1] end
  end
  return found
end

local function forget(names)
  for first = 1, #names, PORTION do
    call('HDEL', MAIN, unpack(names, first, math.min(first + PORTION - 1, #names)))
  end
end

local function text_of(number) return string.format('%.0f', number) end

-- The hold of an entry, and until when; nothing when it is past.
local function holder(entry)
  local till = entry and tonumber(string.sub(entry, 1, 13))
  if till and till > now then return string.sub(entry, 15), till end
end

local function enter(seats, id, till)
  local entry = text_of(till) .. ':' .. id
  for first = 1, #seats, PORTION do
    local words = {}
    for i = first, math.min(first + PORTION - 1, #seats) do
      words[#words + 1] = seats[i]
      words[#words + 1] = entry
    end
    call('HSET', MAIN, unpack(words))
  end
end

-- A record is `counted|status|user|booking|fence|expires|due|extended|quantity|seats|areas|body`. While it is counted its
-- places are held; areas are those not claimed yet. It is held until `due`; where it is bound to a booking that has not reserved
-- yet, that is before `expires`.
local function parse(id, text)
  if not text then return nil end
  local r, seats = { id = id, seats = {} }, nil
  r.counted, r.status, r.user, r.booking, r.fence, r.expires, r.due, r.extended, r.quantity, seats, r.areas, r.body =
    string.match(text, '^(%d)|(%a+)|([^|]*)|([^|]*)|(%d+)|(%d+)|(%d+)|(%d)|(%d+)|([^|]*)|([^|]*)|(.*)$')
  for seat in string.gmatch(seats, '%d+') do r.seats[#r.seats + 1] = seat end
  r.expires, r.due = tonumber(r.expires), tonumber(r.due)
  return r
end

local function read(id) return parse(id, call('HGET', MAIN, id)) end

local function record(r)
  return table.concat({ r.counted, r.status, r.user, r.booking, r.fence, text_of(r.expires), text_of(r.due), r.extended,
    r.quantity, table.concat(r.seats, ','), r.areas, r.body }, '|')
end

local function write(r)
  call('HSET', MAIN, r.id, record(r))
  call('ZADD', DUE, r.due, r.id)
end

-- Counts a hold among the live ones of its user until a time, or no more.
local function account(r, till)
  local field, list = 'u:' .. r.user, {}
  for hold, quantity, ends in string.gmatch(call('HGET', MAIN, field) or '', '([^=,]+)=(%d+)=(%d+)') do
    if hold ~= r.id and tonumber(ends) > now then list[#list + 1] = hold .. '=' .. quantity .. '=' .. ends end
  end
  if till then list[#list + 1] = r.id .. '=' .. r.quantity .. '=' .. text_of(till) end
  if #list > 0 then call('HSET', MAIN, field, table.concat(list, ',')) else call('HDEL', MAIN, field) end
end

-- Whether a hold has ended, swept or not. Once its booking has reserved, only the booking ends it.
local function is_over(r)
  if r.status == 'booked' then return r.due <= now and r.due < r.expires end
  return r.status ~= 'active' or r.due <= now
end

local function lease(r, due, expires)
  r.due, r.expires = due, expires
  enter(r.seats, r.id, due)
  account(r, due)
  write(r)
end

-- Where the booking of a hold reserves, it has been written and will end: it keeps its places as long as it asked for.
local function lengthen(r)
  if r.due >= r.expires then return end
  r.due = r.expires
  account(r, r.due)
  write(r)
end

-- Claimed and held places of an area.
local function used(area)
  local counts = call('HMGET', AREAS, 'c:' .. area, 'h:' .. area)
  local claimed = counts[1] and string.match(counts[1], '^%d+') or 0
  return claimed + math.max(tonumber(counts[2]) or 0, 0)
end

-- What Postgres says of an area, unless something newer is known.
local function claim_area(area, claimed, version)
  local known = call('HGET', AREAS, 'c:' .. area)
  if known and tonumber(string.match(known, '%d+$')) >= tonumber(version) then return end
  call('HSET', AREAS, 'c:' .. area, claimed .. ':' .. version)
  change(area, 'a')
end

local function release_areas(r)
  for area, quantity in string.gmatch(r.areas, '([^=,]+)=(%d+)') do
    call('HINCRBY', AREAS, 'h:' .. area, -quantity)
    change(area, 'a')
  end
  r.areas = ''
end

-- Takes the places of holds out of what is held. The caller gives the records their new status and writes them.
local function give_back(holds)
  local seats, owners = {}, {}
  for _, r in ipairs(holds) do
    for _, seat in ipairs(r.seats) do
      seats[#seats + 1] = seat
      owners[#owners + 1] = r.id
    end
    release_areas(r)
    r.counted, r.due = '0', now + ENDED_MS
  end
  local entries, claimed, mine = fields(seats), bits(CLAIMED, seats), {}
  for i, seat in ipairs(seats) do
    if entries[i] and string.sub(entries[i], 15) == owners[i] then
      mine[#mine + 1] = seat
      if claimed[i] == 0 then change(seat, 'f') end
    end
  end
  forget(mine)
  bits(HELDBITS, mine, 0)
  for _, r in ipairs(holds) do account(r) end
end

-- Ends holds that are due, and forgets those that ended long ago. Answers how many there were.
local function sweep(most)
  local due = call('ZRANGEBYSCORE', DUE, '-inf', now, 'LIMIT', 0, most)
  if #due == 0 then return 0 end
  local ending, gone = {}, {}
  for i, text in ipairs(fields(due)) do
    local r = parse(due[i], text)
    if r and r.counted == '1' then
      if is_over(r) then r.status = 'expired' end
      ending[#ending + 1] = r
    else
      gone[#gone + 1] = due[i]
    end
  end
  give_back(ending)
  for _, r in ipairs(ending) do write(r) end
  forget(gone)
  for first = 1, #gone, PORTION do
    call('ZREM', DUE, unpack(gone, first, math.min(first + PORTION - 1, #gone)))
  end
  return #due
end

-- Whether the caller is the one to load again what is still good for a while.
local function refresh(loaded, refreshing)
  if now - loaded <= REFRESH_MS or now - (tonumber(refreshing) or 0) <= 5000 then return 0 end
  call('HSET', MAIN, 'refreshing', now)
  return 1
end

local function keep()
  for _, key in ipairs(KEYS) do call('EXPIRE', key, IDLE_S) end
end
