-- Stores the answer of the attempt that holds the key, or gives the key back. Who lost the claim meanwhile changes nothing.
-- KEYS[1]: the record.  ARGV: token of the attempt; then, to store: milliseconds to keep it, status, headers, and the body, or no
-- body to leave it out.
if redis.call('HGET', KEYS[1], 'attempt') ~= ARGV[1] then return 0 end
if not ARGV[2] then return redis.call('DEL', KEYS[1]) end
redis.call('HSET', KEYS[1], 'status', ARGV[3], 'headers', ARGV[4])
if ARGV[5] then redis.call('HSET', KEYS[1], 'body', ARGV[5]) end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return 1
