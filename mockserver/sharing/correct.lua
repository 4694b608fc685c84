-- Keep what has changed of an exchange, if that is still there.
-- KEYS: of its account the entries, their order. ARGV: number, how its place in the order begins,
--   entry.
local member = redis.call('ZRANGEBYSCORE', KEYS[2], ARGV[1], ARGV[1])[1]
if member and string.sub(member, 1, #ARGV[2]) == ARGV[2] then
  redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
end
