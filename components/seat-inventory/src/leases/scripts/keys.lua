-- What every script begins with. KEYS are the same eight everywhere, all with the session's hash tag:
--   main      hash: loaded, refreshing, swept, flushed (ms), fence, seq, closed (where the sale is); seat -> `<until ms>:<hold>`; hold -> record;
--             u:<user> -> `<hold>=<quantity>=<until ms>,…`. One hash, so that a hold reads it once and writes it once.
--             What is past its `until` is as good as none.
--   areas     hash: h:<area> held places, c:<area> `<claimed>:<version>`
--   claimed   bits of the seats that are reserved or sold in Postgres; sold: of those sold
--   heldbits  bits of the seats of counted holds that are not claimed, for showing only
--   due       sorted set hold -> ms when it ends, or when its record goes
--   pending   list of changes since the last frame: `h:12,13` (held, f free, s sold), `a:floor`
--   frames    list of the last frames of the live feed
local MAIN, AREAS, CLAIMED, SOLD, HELDBITS, DUE, PENDING, FRAMES = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6], KEYS[7], KEYS[8]
local call = redis.call
local time = call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
-- How old what is loaded from Postgres may be; from when on somebody should load it again.
local LOADED_MS, REFRESH_MS = 30000, 20000
-- Keys of a session in which nothing happens go after a day.
local IDLE_S = 86400
