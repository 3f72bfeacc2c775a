-- Throws a session away.
--
-- KEYS: meta, log, messages, order, open, nodes, spare, gone (all of one session), sessions
-- ARGV: session, channel, for how many seconds it is known that it was deleted
-- Answers 0 where the session is not there, else 1. Its leases go when they are over.
if redis.call('EXISTS', KEYS[1]) == 0 then
  return 0
end
redis.call('UNLINK', unpack(KEYS, 1, 7))
redis.call('SET', KEYS[8], '1', 'EX', ARGV[3])
redis.call('SREM', KEYS[9], ARGV[1])
redis.call('PUBLISH', ARGV[2], '0 0 ' .. ARGV[1])
return 1
