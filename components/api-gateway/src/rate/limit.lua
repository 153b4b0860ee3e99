-- GCRA for one or two buckets, all or nothing: a request is counted by every bucket or by none.
-- Stored is the theoretical arrival time (TAT) of the next request, in microseconds of this server's clock.
-- KEYS: the buckets.  ARGV: for each, microseconds between two requests, and how many may come at once.
-- Answers: index of the bucket that refuses (0: none), then for each: requests left, microseconds until it is full again,
-- microseconds until the next request is let through (0: now).
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local refused, answer, arrivals = 0, {0}, {}
for i = 1, #KEYS do
  local interval, burst = tonumber(ARGV[2 * i - 1]), tonumber(ARGV[2 * i])
  local tat = tonumber(redis.call('GET', KEYS[i]) or now)
  if tat < now then tat = now end
  local next_tat = tat + interval
  local wait = next_tat - burst * interval - now
  if wait > 0 then
    if refused == 0 then refused = i end
    answer[3 * i - 1], answer[3 * i], answer[3 * i + 1] = 0, tat - now, wait
  else
    answer[3 * i - 1], answer[3 * i], answer[3 * i + 1] = math.floor(-wait / interval), next_tat - now, 0
  end
  arrivals[i] = next_tat
end
if refused == 0 then
  for i = 1, #KEYS do
    redis.call('SET', KEYS[i], string.format('%.0f', arrivals[i]), 'PX', math.ceil((arrivals[i] - now) / 1000))
  end
end
answer[1] = refused
return answer
