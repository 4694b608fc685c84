-- Stands in front of the scripts that change documents.
-- KEYS: configuration, version, changed, gone, forgotten, index of keys, former keys.
-- ARGV: seconds to live, tombstones and former keys that are kept.
local live, kept = ARGV[1], tonumber(ARGV[2])
local is_there = redis.call('EXISTS', KEYS[1], KEYS[2]) == 2

-- Later than every version so far, also than those that Redis has lost, whose numbers would mean
-- something else otherwise.
local function next_version()
  local now = redis.call('TIME')
  local last = tonumber(redis.call('GET', KEYS[2]) or '0')
  local version = string.format('%.0f', math.max(last + 1, now[1] * 1e6 + now[2]))
  redis.call('SET', KEYS[2], version)
  if not is_there then
    -- Nothing is true any more of the state that was lost.
    redis.call('SET', KEYS[5], version)
  end
  return version
end

local function delete(key, version)
  redis.call('DEL', key)
  redis.call('ZREM', KEYS[3], key)
  redis.call('ZADD', KEYS[4], version, key)
end

-- Write a document, whose number of fields and these begin at `at`; return where they end.
local function write(key, version, at)
  local count = tonumber(ARGV[at])
  if count < 0 then
    delete(key, version)
    return at + 1
  end
  redis.call('HSET', key, 'version', version, unpack(ARGV, at + 1, at + 2 * count))
  redis.call('ZADD', KEYS[3], version, key)
  redis.call('ZREM', KEYS[4], key)
  redis.call('EXPIRE', key, live)
  return at + 1 + 2 * count
end

local function finish(keys)
  -- Only so many of those that are gone are remembered.
  redis.call('ZREMRANGEBYRANK', KEYS[7], 0, -kept - 1)
  local oldest = redis.call('ZRANGE', KEYS[4], 0, -kept - 1, 'WITHSCORES')
  if #oldest > 0 then
    redis.call('SET', KEYS[5], oldest[#oldest])
    redis.call('ZREMRANGEBYRANK', KEYS[4], 0, -kept - 1)
  end
  for number = 1, keys do
    redis.call('EXPIRE', KEYS[number], live)
  end
end
