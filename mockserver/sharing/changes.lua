-- What has changed since a version: all documents with a later one, and those that are gone.
-- KEYS: version, changed, gone, forgotten. ARGV: the version.
local since = tonumber(ARGV[1])
-- Which documents went away before that is forgotten, so everything is returned.
local everything = since == 0 or since < tonumber(redis.call('GET', KEYS[4]) or '0')
if everything then
  since = 0
end
local changed = {}
for _, key in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '(' .. since, '+inf')) do
  changed[#changed + 1] = {key, redis.call('HGETALL', key)}
end
return {
  redis.call('GET', KEYS[1]) or '0',
  everything and 1 or 0,
  changed,
  redis.call('ZRANGEBYSCORE', KEYS[3], '(' .. since, '+inf'),
}
