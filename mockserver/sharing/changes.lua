-- What has changed since a version: all documents with a later one, those that are gone, and keys
-- that are no longer valid. False if there is no state.
-- KEYS: configuration, version, changed, gone, forgotten, former keys. ARGV: the version.
if redis.call('EXISTS', KEYS[1], KEYS[2]) < 2 then
  return false
end
-- Which documents went away before `forgotten` is forgotten, so everything is returned.
local everything = tonumber(ARGV[1]) < tonumber(redis.call('GET', KEYS[5]) or '1')
-- Not as a number: in a text that has only 14 digits.
local since = everything and '-inf' or '(' .. ARGV[1]
local changed = {}
for _, key in ipairs(redis.call('ZRANGEBYSCORE', KEYS[3], since, '+inf')) do
  changed[#changed + 1] = {key, redis.call('HGETALL', key)}
end
return {
  redis.call('GET', KEYS[2]),
  everything and 1 or 0,
  changed,
  redis.call('ZRANGEBYSCORE', KEYS[4], since, '+inf'),
  redis.call('ZRANGEBYSCORE', KEYS[6], since, '+inf'),
}
