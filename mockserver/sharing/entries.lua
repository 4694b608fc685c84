-- The exchanges after a number, with their numbers, oldest first.
-- KEYS: all exchanges in order. ARGV: the number, how the keys of an account begin or '' for all.
local found = {}
local function add(number, own)
  found[#found + 1] = number
  found[#found + 1] = redis.call('HGET', own .. 'entries', number)
end
if ARGV[2] ~= '' then
  for _, member in ipairs(redis.call('ZRANGEBYSCORE', ARGV[2] .. 'order', '(' .. ARGV[1], '+inf')) do
    add(string.match(member, '^%S+'), ARGV[2])
  end
else
  for _, member in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. ARGV[1], '+inf')) do
    add(string.match(member, '^(%S+) (.*)$'))
  end
end
return found
