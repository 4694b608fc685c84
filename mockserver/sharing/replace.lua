-- Replace everything there is, or begin a state unless there is one. Returns the new version, or
-- false if a state was to begin and there is one.
-- KEYS: as `write.lua`, numbers drawn, number of the last exchange, all exchanges in order, their
--   bytes, bytes of each account, number of the last that is forgiven; documents ...
-- ARGV: as `write.lua`, numbers drawn and number of the last exchange, or '' to begin, then for each
--   document how many fields, and these; how many keys, and each with its owner. Then the exchanges:
--   number, how the keys of the account begin, entry, bytes.
local drawn, seen, place = ARGV[3], ARGV[4], 5
if drawn == '' then
  if is_there then
    return false
  end
  redis.call('SET', KEYS[8], 0, 'NX')
else
  redis.call('SET', KEYS[8], drawn)
  redis.call('SET', KEYS[9], seen)
end

local version = next_version()
for _, key in ipairs(redis.call('ZRANGE', KEYS[3], 0, -1)) do
  delete(key, version)
end
for _, key in ipairs(redis.call('HKEYS', KEYS[6])) do
  redis.call('ZADD', KEYS[7], version, key)
end
for _, own in ipairs(redis.call('HKEYS', KEYS[12])) do
  redis.call('DEL', own .. 'entries', own .. 'order', own .. 'before')
end
redis.call('DEL', KEYS[6], KEYS[10], KEYS[11], KEYS[12], KEYS[13])

for number = 14, #KEYS do
  place = write(KEYS[number], version, place)
end
local first, last = place + 1, place + 2 * ARGV[place]
for at = first, last, 2 do
  redis.call('HSET', KEYS[6], ARGV[at], ARGV[at + 1])
end
for at = last + 1, #ARGV, 4 do
  local number, own, entry, bytes = unpack(ARGV, at, at + 3)
  redis.call('HSET', own .. 'entries', number, entry)
  redis.call('ZADD', own .. 'order', number, number .. '   ' .. bytes)
  redis.call('ZADD', KEYS[10], number, number .. ' ' .. own)
  redis.call('HINCRBY', KEYS[12], own, bytes)
  redis.call('INCRBY', KEYS[11], bytes)
  redis.call('EXPIRE', own .. 'entries', live)
  redis.call('EXPIRE', own .. 'order', live)
end
finish(13)
return version
