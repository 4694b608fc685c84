-- What a request finds: the version of all, numbers for its ids, whose its key is, and whether
-- the configuration has changed. False if there is no state.
-- KEYS: configuration, version, numbers drawn, index of keys.
-- ARGV: known version of the configuration, key as it is kept.
local own, version = redis.call('HGET', KEYS[1], 'version'), redis.call('GET', KEYS[2])
if not (own and version) then
  return false
end
return {
  version,
  redis.call('INCRBY', KEYS[3], 2) - 2,
  redis.call('HGET', KEYS[4], ARGV[2]) or '',
  own == ARGV[1] and 0 or 1,
}
