-- Change documents, all or none: none if one has another version than expected, or if a key has
-- another owner. Returns the new version, or else the document that was in the way, if one was;
-- false if the state is gone.
-- KEYS: as `write.lua`, documents ...
-- ARGV: as `write.lua`, then for each document its expected version, how many fields, and these; -1
--   deletes it. Then the keys with their owners, and with their new owners, '' for none.
if not is_there then
  return false
end
local places, place = {}, 3
for number = 8, #KEYS do
  if (redis.call('HGET', KEYS[number], 'version') or '') ~= ARGV[place] then
    return redis.call('HGETALL', KEYS[number])
  end
  places[number] = place + 1
  place = place + 2 + 2 * math.max(tonumber(ARGV[place + 1]), 0)
end
for at = place, #ARGV, 3 do
  local owner = redis.call('HGET', KEYS[6], ARGV[at])
  if owner and owner ~= ARGV[at + 1] then
    return {}
  end
end

local version = next_version()
for number = 8, #KEYS do
  write(KEYS[number], version, places[number])
end
for at = place, #ARGV, 3 do
  if ARGV[at + 2] == '' then
    redis.call('HDEL', KEYS[6], ARGV[at])
    redis.call('ZADD', KEYS[7], version, ARGV[at])
  else
    redis.call('HSET', KEYS[6], ARGV[at], ARGV[at + 2])
  end
end
finish(7)
return version
