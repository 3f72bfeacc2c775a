-- Throws away the oldest records, so many at a time that Redis is not held up.
--
-- KEYS: meta, log
-- ARGV: epoch, through which record, how many at most
-- Answers 'none' where the session is not there, 'more' where it has to be asked again, else 'done'.
local meta_key, log = unpack(KEYS)
local meta = redis.call('HMGET', meta_key, 'epoch', 'first', 'head', 'bytes')
local epoch, first, head, bytes = meta[1], tonumber(meta[2]), tonumber(meta[3]), tonumber(meta[4])
if not epoch then return 'none' end
if epoch ~= ARGV[1] then return 'done' end
local through = math.min(tonumber(ARGV[2]), head)
if through < first then return 'done' end

local function text(number)
  return string.format('%.0f', number)
end

local rows = redis.call('XRANGE', log, '-', epoch .. '-' .. text(through), 'COUNT', ARGV[3])
local last = through
if #rows > 0 then last = tonumber(string.match(rows[#rows][1], '(%d+)$')) end
for _, row in ipairs(rows) do
  bytes = bytes - #row[2][2]
end
redis.call('XTRIM', log, 'MINID', '=', epoch .. '-' .. text(last + 1))
redis.call('HSET', meta_key, 'first', text(last + 1), 'bytes', text(bytes))
return last < through and 'more' or 'done'
