-- Throws a session away.
--
-- KEYS: meta, log, messages, order, open, nodes, spare (all of one session), sessions
-- ARGV: session, channel
-- Answers 0 where the session is not there, else 1. Its leases go when they are over.
if redis.call('EXISTS', KEYS[1]) == 0 then
  return 0
end
redis.call('UNLINK', unpack(KEYS, 1, 7))
redis.call('SREM', KEYS[8], ARGV[1])
redis.call('PUBLISH', ARGV[2], '0 0 ' .. ARGV[1])
return 1
