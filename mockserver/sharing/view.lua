-- What a request finds: the version of all, numbers for its ids, whose its key is, and whether
-- the configuration has changed.
-- KEYS: configuration, version, numbers drawn, index of keys.
-- ARGV: known version of the configuration, key as it is kept.
local version = redis.call('HGET', KEYS[1], 'version')
if not version then
  return false
end
return {
  redis.call('GET', KEYS[2]) or '0',
  redis.call('INCRBY', KEYS[3], 2) - 2,
  redis.call('HGET', KEYS[4], ARGV[2]) or '',
  version == ARGV[1] and 0 or 1,
}
