-- A document, unless its version is known. KEYS: the document. ARGV: the known version.
if redis.call('HGET', KEYS[1], 'version') == ARGV[1] then
  return false
end
return redis.call('HGETALL', KEYS[1])
