-- Delete the exchanges of an account, or all; return how many there were.
-- KEYS: all exchanges in order, their bytes, bytes of each account.
-- ARGV: how the keys of the account begin, or '' for all.
local before = redis.call('ZCARD', KEYS[1])
local accounts = {ARGV[1]}
if ARGV[1] == '' then
  accounts = redis.call('HKEYS', KEYS[3])
end
for _, own in ipairs(accounts) do
  for _, member in ipairs(redis.call('ZRANGE', own .. 'order', 0, -1)) do
    redis.call('ZREM', KEYS[1], string.match(member, '^%S+') .. ' ' .. own)
  end
  redis.call('DEL', own .. 'entries', own .. 'order', own .. 'before')
  redis.call('DECRBY', KEYS[2], redis.call('HGET', KEYS[3], own) or 0)
  redis.call('HDEL', KEYS[3], own)
end
return before - redis.call('ZCARD', KEYS[1])
