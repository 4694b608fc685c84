-- Change documents, all or none: none if one has another version than expected, or if a key has
-- another owner. Returns the new version, or else the document that was in the way, if one was.
-- KEYS: version, changed, gone, forgotten, index of keys, former keys, numbers drawn, documents ...
-- ARGV: seconds to live, tombstones and former keys that are kept, numbers drawn or '' if they
--   stay, then for each document its expected version ('*': any), how many fields, and these; -1
--   deletes it. Then the keys with their new owners, '' for none.
local live, kept, drawn = ARGV[1], tonumber(ARGV[2]), ARGV[3]
local anew = drawn ~= ''
local place = 4
local documents = {}
for number = 8, #KEYS do
  local key, expected, count = KEYS[number], ARGV[place], tonumber(ARGV[place + 1])
  if expected ~= '*' and (redis.call('HGET', key, 'version') or '') ~= expected then
    return redis.call('HGETALL', key)
  end
  documents[#documents + 1] = {key, count, place + 2}
  place = place + 2 + 2 * math.max(count, 0)
end
local first_key = place
if not anew then
  for at = first_key, #ARGV, 3 do
    local owner = redis.call('HGET', KEYS[5], ARGV[at])
    if owner and owner ~= ARGV[at + 1] then
      return {}
    end
  end
end

if redis.call('EXISTS', KEYS[1]) == 0 then
  -- Later than every version of a state that was lost, of which nothing is true any more.
  local now = redis.call('TIME')
  local first = string.format('%.0f', now[1] * 1e6 + now[2])
  redis.call('SET', KEYS[1], first)
  redis.call('SET', KEYS[4], first)
end
local version = redis.call('INCR', KEYS[1])
local function delete(key)
  redis.call('DEL', key)
  redis.call('ZREM', KEYS[2], key)
  redis.call('ZADD', KEYS[3], version, key)
end
if anew then
  redis.call('SET', KEYS[7], drawn)
  redis.call('DEL', KEYS[5])
  for _, key in ipairs(redis.call('ZRANGE', KEYS[2], 0, -1)) do
    delete(key)
  end
end
for _, document in ipairs(documents) do
  local key, count, at = document[1], document[2], document[3]
  if count < 0 then
    delete(key)
  else
    redis.call('HSET', key, 'version', version)
    for field = at, at + 2 * count - 1, 2 do
      redis.call('HSET', key, ARGV[field], ARGV[field + 1])
    end
    redis.call('ZADD', KEYS[2], version, key)
    redis.call('ZREM', KEYS[3], key)
    redis.call('EXPIRE', key, live)
  end
end
for at = first_key, #ARGV, 3 do
  if ARGV[at + 2] == '' then
    redis.call('HDEL', KEYS[5], ARGV[at])
    redis.call('ZADD', KEYS[6], version, ARGV[at])
  else
    redis.call('HSET', KEYS[5], ARGV[at], ARGV[at + 2])
  end
end

-- Only so many of those that are gone are remembered.
redis.call('ZREMRANGEBYRANK', KEYS[6], 0, -kept - 1)
local oldest = redis.call('ZRANGE', KEYS[3], 0, -kept - 1, 'WITHSCORES')
if #oldest > 0 then
  redis.call('SET', KEYS[4], oldest[#oldest])
  redis.call('ZREMRANGEBYRANK', KEYS[3], 0, -kept - 1)
end
for number = 1, 7 do
  redis.call('EXPIRE', KEYS[number], live)
end
return version
