-- Number an exchange and keep it, within the bounds of `state/exchanges.py`; return its number and
-- what its caller did before.
-- KEYS: number of the last exchange, all exchanges in order, their bytes, bytes of each account,
--   number of the last that is forgiven; then of the account the entries, their order, what came
--   before.
-- ARGV: seconds to live, how the keys of the account begin, entry, caller, request, summary, bytes,
--   and the most exchanges and bytes, of an account and of all.
local live, own, entry, caller, asked, summary = unpack(ARGV, 1, 6)
local bytes = tonumber(ARGV[7])
local most, most_bytes = tonumber(ARGV[8]), tonumber(ARGV[9])
local most_of_all, most_bytes_of_all = tonumber(ARGV[10]), tonumber(ARGV[11])
local entries, order, before = KEYS[6], KEYS[7], KEYS[8]

local number = redis.call('INCR', KEYS[1])
local forgiven = tonumber(redis.call('GET', KEYS[5]) or '0')
local function past(field)
  local found = redis.call('HGET', before, field)
  if found and tonumber(string.match(found, '^%d+')) > forgiven then
    return found
  end
  return ''
end
local last, same = past('caller ' .. caller), past('request ' .. asked)

redis.call('HSET', entries, number, entry)
redis.call('ZADD', order, number, number .. ' ' .. caller .. ' ' .. asked .. ' ' .. bytes)
redis.call('ZADD', KEYS[2], number, number .. ' ' .. own)
redis.call('HSET', before, 'caller ' .. caller, number .. ' ' .. summary)
redis.call('HSET', before, 'request ' .. asked, number .. ' ' .. summary)
redis.call('HINCRBY', KEYS[4], own, bytes)
redis.call('INCRBY', KEYS[3], bytes)

local function drop(of, member)
  local dropped, by, what, size = string.match(member, '^(%S+) (%S*) (%S*) (%S+)$')
  redis.call('HDEL', of .. 'entries', dropped)
  redis.call('ZREM', of .. 'order', member)
  redis.call('ZREM', KEYS[2], dropped .. ' ' .. of)
  redis.call('HINCRBY', KEYS[4], of, -size)
  redis.call('DECRBY', KEYS[3], size)
  for _, field in ipairs({'caller ' .. by, 'request ' .. what}) do
    local found = redis.call('HGET', of .. 'before', field)
    if found and string.match(found, '^%d+') == dropped then
      redis.call('HDEL', of .. 'before', field)
    end
  end
end

local count = redis.call('ZCARD', order)
while count > 1 and (count > most or tonumber(redis.call('HGET', KEYS[4], own)) > most_bytes) do
  for _, member in ipairs(redis.call('ZRANGE', order, 0, math.max(math.floor(count / 20), 1) - 1)) do
    drop(own, member)
  end
  count = redis.call('ZCARD', order)
end
local all = redis.call('ZCARD', KEYS[2])
while all > 1 and (all > most_of_all or tonumber(redis.call('GET', KEYS[3])) > most_bytes_of_all) do
  for _, oldest in ipairs(redis.call('ZRANGE', KEYS[2], 0, math.max(math.floor(all / 20), 1) - 1)) do
    local which, of = string.match(oldest, '^(%S+) (.*)$')
    drop(of, redis.call('ZRANGEBYSCORE', of .. 'order', which, which)[1])
  end
  all = redis.call('ZCARD', KEYS[2])
end
for key = 1, 8 do
  redis.call('EXPIRE', KEYS[key], live)
end
return {number, last, same}
