-- What has changed since a version: all documents with a later one, and those that are gone.
-- KEYS: version, changed, gone, forgotten. ARGV: the version.
-- Which documents went away before `forgotten` is forgotten, so everything is returned.
local everything = tonumber(ARGV[1]) < tonumber(redis.call('GET', KEYS[4]) or '1')
-- Not as a number: in a text that has only 14 digits.
local since = everything and '-inf' or '(' .. ARGV[1]
local changed = {}
for _, key in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], since, '+inf')) do
  changed[#changed + 1] = {key, redis.call('HGETALL', key)}
end
return {
  redis.call('GET', KEYS[1]) or '0',
  everything and 1 or 0,
  changed,
  redis.call('ZRANGEBYSCORE', KEYS[3], since, '+inf'),
}
