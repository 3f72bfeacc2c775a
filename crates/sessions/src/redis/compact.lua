-- Keeps messages added up. A node is stored behind the number of the last record in it.
--
-- KEYS: meta, messages, nodes
-- ARGV: epoch, then for each node: message id, position, changed, the node as JSON
-- Answers 0 where the session is not there, else 1.
local meta, messages, nodes = unpack(KEYS)
local epoch = redis.call('HGET', meta, 'epoch')
if not epoch then return 0 end
if epoch ~= ARGV[1] then return 1 end
for at = 2, #ARGV, 4 do
  local id, position, changed, json = unpack(ARGV, at, at + 3)
  local row = redis.call('HGET', messages, id)
  if row and cjson.decode(row)[1] == position then
    local node = redis.call('HGET', nodes, id)
    local known = node and tonumber(string.match(node, '^%d+'))
    if not known or known < tonumber(changed) then
      redis.call('HSET', nodes, id, changed .. ' ' .. json)
    end
  end
end
return 1
