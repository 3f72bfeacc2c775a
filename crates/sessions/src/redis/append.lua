-- Stores a batch, or ends a message whose lease is over: all of it or nothing. The rule is `admit` of log.rs.
--
-- KEYS: meta, log, messages, order, open, nodes, spare (all of one session), leases, sessions
-- ARGV: mode (append, abort), session, producer, lease in ms, an epoch for a new life of the log, the run of Redis that the
--       caller knows, whether that run keeps what it acknowledges (1, 0), channel, then for each change:
--       kind, message id, at, status, reason, the change as JSON
-- Answers {'ok', epoch, head, repeated}, {'no', why, message id, expected}, or {'run'}: this is another run of Redis.
--
-- A message is ["position", "pieces", "changed", "producer", "status", "reason"]; status is empty while it is streaming.
-- All numbers are below 2^53, so that Lua's are exact.
local meta_key, log, messages, order, open, nodes, spare, leases, sessions = unpack(KEYS)
local mode, session, producer, lease, fresh, run, is_safe, channel = unpack(ARGV, 1, 8)
local FIRST_CHANGE, FIELDS, PIECES_MAX = 9, 6, 2 ^ 48

if string.match(redis.call('INFO', 'server'), 'run_id:(%x+)') ~= run then
  return {'run'}
end

local clock = redis.call('TIME')
local now = tonumber(clock[1]) * 1000 + math.floor(tonumber(clock[2]) / 1000)
local lessor = session .. ' ' .. producer

local meta = redis.call('HMGET', meta_key, 'epoch', 'first', 'head', 'bytes', 'run', 'safe')
local exists = meta[1]
local epoch = meta[1] or fresh
local first, head, bytes = tonumber(meta[2] or 1), tonumber(meta[3] or 0), tonumber(meta[4] or 0)

local function text(number)
  return string.format('%.0f', number)
end

local function no(why, id, expected)
  return {'no', why, id or '', text(expected or 0)}
end

local known, ids = {}, {}
local function find(id)
  if not known[id] then
    local row = exists and redis.call('HGET', messages, id)
    local message = nil
    if row then
      local field = cjson.decode(row)
      message = {
        position = tonumber(field[1]), pieces = tonumber(field[2]), changed = tonumber(field[3]),
        producer = field[4], status = field[5], reason = field[6],
      }
    end
    known[id] = {now = message, position = message and message.position}
    ids[#ids + 1] = id
  end
  return known[id]
end

local function admit(message, kind, at, status, reason)
  if not message then
    if kind == 'started' then return 'store' end
    if kind == 'removed' then return 'repeated' end
    return 'message_not_found'
  end
  local is_own, has_ended = message.producer == producer, message.status ~= ''
  if kind == 'started' then return is_own and 'repeated' or 'message_exists' end
  if kind == 'removed' then return 'store' end
  if kind == 'updated' and at > PIECES_MAX then return 'piece_gap' end
  if kind == 'updated' and has_ended then return at <= message.pieces and 'repeated' or 'store' end
  if not is_own then return 'fenced' end
  if kind == 'ended' then
    if not has_ended then return 'store' end
    local is_same = message.status == status and message.reason == reason
    return is_same and 'repeated' or 'message_ended'
  end
  if kind == 'appended' then
    if at < message.pieces then return 'repeated' end
    if has_ended then return 'message_ended' end
    return at == message.pieces and 'store' or 'piece_gap'
  end
  return at <= message.pieces and 'repeated' or 'store'
end

local function admit_abort(message, id)
  if not exists then return 'session_not_found' end
  if not message then return 'message_not_found' end
  if message.status ~= '' then return 'repeated' end
  local deadline = redis.call('ZSCORE', leases, lessor)
  local is_over = not deadline or tonumber(deadline) <= now
  return message.producer == producer and is_over and 'store' or 'fenced'
end

-- What is to be done. Nothing is written before all of it is admitted.
local writes, repeated = {}, 0
for at_arg = FIRST_CHANGE, #ARGV, FIELDS do
  local kind, id, at, status, reason, json = unpack(ARGV, at_arg, at_arg + FIELDS - 1)
  local entry = find(id)
  local message = entry.now
  at = tonumber(at)
  local what
  if mode == 'abort' then
    what = admit_abort(message, id)
  else
    what = admit(message, kind, at, status, reason)
  end
  if what == 'repeated' then
    repeated = repeated + 1
  elseif what ~= 'store' then
    return no(what, id, message and message.pieces)
  else
    writes[#writes + 1] = json
    local seq = head + #writes
    entry.is_changed = true
    if kind == 'started' then
      entry.now = {position = seq, pieces = 0, changed = seq, producer = producer, status = '', reason = ''}
    elseif kind == 'removed' then
      entry.now = nil
    else
      message.changed = seq
      if kind == 'appended' then message.pieces = message.pieces + 1 end
      if kind == 'updated' then message.pieces = at end
      if kind == 'ended' then message.status, message.reason = status, reason end
    end
  end
end

if #writes == 0 and not exists then
  return no('session_not_found')
end
if mode == 'append' then
  redis.call('ZADD', leases, text(now + tonumber(lease)), lessor)
end
if #writes == 0 then
  return {'ok', epoch, text(head), repeated}
end

if not exists then
  -- What an eviction may have left of another life.
  redis.call('DEL', log, messages, order, open, nodes, spare)
  redis.call('SADD', sessions, session)
elseif meta[5] ~= run and meta[6] ~= '1' then
  -- The run of Redis that wrote the log may have acknowledged records after it, and lost them. A reader that had them must
  -- not be told that it may go on: the log becomes another life of itself.
  epoch = fresh
  redis.call('DEL', spare)
  local from = '-'
  while true do
    local rows = redis.call('XRANGE', log, from, '+', 'COUNT', 1000)
    for _, row in ipairs(rows) do
      redis.call('XADD', spare, epoch .. string.match(row[1], '%-%d+$'), unpack(row[2]))
      from = '(' .. row[1]
    end
    if #rows < 1000 then break end
  end
  redis.call('DEL', log)
  if redis.call('EXISTS', spare) == 1 then redis.call('RENAME', spare, log) end
end

for _, json in ipairs(writes) do
  head = head + 1
  bytes = bytes + #json
  redis.call('XADD', log, epoch .. '-' .. text(head), 'c', json)
end
for _, id in ipairs(ids) do
  local entry = known[id]
  local message = entry.now
  if entry.is_changed then
    if entry.position and not (message and message.position == entry.position) then
      redis.call('HDEL', nodes, id)
    end
    if message then
      local row = {
        text(message.position), text(message.pieces), text(message.changed),
        message.producer, message.status, message.reason,
      }
      redis.call('HSET', messages, id, cjson.encode(row))
      if message.position ~= entry.position then
        redis.call('ZADD', order, text(message.position), id)
        redis.call('ZADD', open, text(message.position), id)
      end
      if message.status ~= '' then
        redis.call('ZREM', open, id)
      end
    else
      redis.call('HDEL', messages, id)
      redis.call('ZREM', order, id)
      redis.call('ZREM', open, id)
    end
  end
end
redis.call('HSET', meta_key, 'epoch', epoch, 'first', text(first), 'head', text(head), 'bytes', text(bytes),
  'run', run, 'safe', is_safe)
redis.call('PUBLISH', channel, epoch .. ' ' .. text(head) .. ' ' .. session)
return {'ok', epoch, text(head), repeated}
