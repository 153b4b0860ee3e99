-- Commands as ARGV: for each how many words it has, then those.
local o, at = {}, 1
while at <= #ARGV do
  local words = tonumber(ARGV[at])
  reply_(redis.pcall(unpack(ARGV, at + 1, at + words)), o)
  at = at + words + 1
end
return o
