// What must happen in Redis at once or not at all, in its own language. Keys and arguments are listed on top.

/**
 * KEYS plan and all others; ARGV plan keepMs.
 * Keys expire each by itself: what a run of the same name left is none of this one's.
 */
export const publishScript = `
if redis.call('EXISTS', KEYS[1]) == 1 then return 'taken' end
redis.call('UNLINK', unpack(KEYS))
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 'published'`

/**
 * KEYS seats ready failed start; ARGV index ticket ready keepMs aliveMs.
 * A seat takes its place, or says again that it is there. Who is silent for too long has left it.
 */
export const claimScript = `
if redis.call('EXISTS', KEYS[4]) == 1 then return 'started' end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local held = redis.call('HGET', KEYS[1], ARGV[1])
local ticket, beat = string.match(held or '', '^(%w+) (%d+)$')
if ticket and ticket ~= ARGV[2] then
  if now - tonumber(beat) < tonumber(ARGV[5]) then return 'taken' end
  redis.call('HDEL', KEYS[2], ARGV[1])
end
redis.call('HDEL', KEYS[3], ARGV[1])
redis.call('HSET', KEYS[1], ARGV[1], string.format('%s %.0f', ARGV[2], now))
redis.call('PEXPIRE', KEYS[1], ARGV[4])
if ARGV[3] ~= '' then
  redis.call('HSET', KEYS[2], ARGV[1], ARGV[3])
  redis.call('PEXPIRE', KEYS[2], ARGV[4])
end
return 'yours'`

/**
 * KEYS seats ready failed; ARGV index ticket why keepMs.
 * A seat gives its place back and says why, unless it is another's by now.
 */
export const leaveScript = `
local held = redis.call('HGET', KEYS[1], ARGV[1])
if held and string.match(held, '^%w+') ~= ARGV[2] then return 'taken' end
redis.call('HDEL', KEYS[1], ARGV[1])
redis.call('HDEL', KEYS[2], ARGV[1])
redis.call('HSET', KEYS[3], ARGV[1], ARGV[3])
redis.call('PEXPIRE', KEYS[3], ARGV[4])
return 'left'`

/**
 * KEYS seats results over; ARGV index ticket result keepMs.
 * A Redis that has lost everything meanwhile takes the result too: the coordinator knows its seats.
 */
export const deliverScript = `
if redis.call('EXISTS', KEYS[3]) == 1 then return 'over' end
local held = redis.call('HGET', KEYS[1], ARGV[1])
if held and string.match(held, '^%w+') ~= ARGV[2] then return 'taken' end
redis.call('HSET', KEYS[2], ARGV[1], ARGV[3])
redis.call('PEXPIRE', KEYS[2], ARGV[4])
return 'kept'`
