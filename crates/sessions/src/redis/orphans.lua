-- Messages whose producer was not heard of in time.
--
-- KEYS: leases
-- ARGV: what a session's keys begin with, how many
-- Answers {session, message id, producer, session, ..}. Leases that are over of producers that have nothing under way go.
local clock = redis.call('TIME')
local now = tonumber(clock[1]) * 1000 + math.floor(tonumber(clock[2]) / 1000)
local limit = tonumber(ARGV[2]) * 3
local found = {}
local over = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', now), 'LIMIT', 0, 1000)
for _, lessor in ipairs(over) do
  local session, producer = string.match(lessor, '^(%S+) (.*)$')
  local of_session = ARGV[1] .. session .. ':'
  local has_open = false
  for _, id in ipairs(redis.call('ZRANGE', of_session .. 'open', 0, -1)) do
    local row = redis.call('HGET', of_session .. 'messages', id)
    if row and cjson.decode(row)[4] == producer then
      has_open = true
      found[#found + 1] = session
      found[#found + 1] = id
      found[#found + 1] = producer
      if #found >= limit then return found end
    end
  end
  if not has_open then redis.call('ZREM', KEYS[1], lessor) end
end
return found
