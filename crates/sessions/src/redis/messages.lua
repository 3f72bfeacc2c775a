-- What is known of messages, as of one moment.
--
-- KEYS: meta, messages, order or open, nodes
-- ARGV: mode (before: newest first; open: oldest first), before which position, how many
-- Answers {id, message, node or '', id, ..}; false where the session is not there.
local meta, messages, order, nodes = unpack(KEYS)
if redis.call('EXISTS', meta) == 0 then
  return false
end
local ids
if ARGV[1] == 'before' then
  ids = redis.call('ZREVRANGEBYSCORE', order, '(' .. ARGV[2], '-inf', 'LIMIT', 0, ARGV[3])
else
  ids = redis.call('ZRANGE', order, 0, -1)
end
local found = {}
for _, id in ipairs(ids) do
  found[#found + 1] = id
  found[#found + 1] = redis.call('HGET', messages, id) or ''
  found[#found + 1] = redis.call('HGET', nodes, id) or ''
end
return found
