-- What a request finds: numbers for its ids, whose its key is, and what has changed since.
-- KEYS: configuration, numbers drawn, index of keys. ARGV: known version, key as it is kept.
local version = redis.call('HGET', KEYS[1], 'version')
if not version then
  return false
end
return {
  redis.call('INCRBY', KEYS[2], 2) - 2,
  redis.call('HGET', KEYS[3], ARGV[2]) or '',
  version == ARGV[1] and {} or redis.call('HGETALL', KEYS[1]),
}
