-- Claims an idempotency key for a request, or says what came of the first one.
-- KEYS[1]: the record.  ARGV: fingerprint of the request, token of this attempt, milliseconds for which the claim holds.
-- Answers {0}: run it; {1}: another request has this key; {2, milliseconds}: the first is still running;
-- {3, status, headers, body}: the first answer; the body is nil where it was left out.
local first = redis.call('HMGET', KEYS[1], 'fingerprint', 'status', 'headers', 'body')
if not first[1] then
  redis.call('HSET', KEYS[1], 'fingerprint', ARGV[1], 'attempt', ARGV[2])
  redis.call('PEXPIRE', KEYS[1], ARGV[3])
  return {0}
end
if first[1] ~= ARGV[1] then return {1} end
if not first[2] then return {2, redis.call('PTTL', KEYS[1])} end
return {3, first[2], first[3], first[4]}
