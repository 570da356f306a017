-- Concurrency limiter, as one atomic script: how many slots of each API key each gate holds (docs/decisions/0095).
--
-- KEYS: the record of this Redis, the gates, then one for each API key. ARGV: a command, the lease in milliseconds, the
-- gate, then
--   join    continuity known ('': none), a continuity to begin if need be
--           → continuity, milliseconds to wait yet
--   settle  continuity, then FIELDS for each API key → granted and what all others hold, for each; nothing if the gate is
--           not known
--   leave   → what the gate held is free
-- Times are milliseconds of this server's clock.

local FIELDS, KEPT = 3, 25 * 3600 * 1000
local LATE = 2000 -- so late a gate may notice that the others are counted again

local command, lease, gate = ARGV[1], tonumber(ARGV[2]), ARGV[3]
local continuity, server, offset, last, hold =
  unpack(redis.call('HMGET', KEYS[1], 'continuity', 'server', 'offset', 'last', 'hold'))

-- Milliseconds that never step back, nor stand still: if the machine's clock steps back, an offset makes up for it.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000) + (tonumber(offset) or 0)
if last and now < tonumber(last) then
  redis.call('HSET', KEYS[1], 'offset', (tonumber(offset) or 0) + tonumber(last) - now)
  now = tonumber(last)
end

local function heard()
  redis.call('HSET', KEYS[1], 'last', now)
  redis.call('PEXPIRE', KEYS[1], KEPT)
  redis.call('HSET', KEYS[2], gate, now)
  redis.call('PEXPIRE', KEYS[2], KEPT)
end

local function join()
  local known, new_continuity = ARGV[4], ARGV[5]
  local running = string.match(redis.call('INFO', 'server'), 'run_id:(%x+)')
  if not continuity or server ~= running then
    continuity, hold = new_continuity, 0
    redis.call('DEL', KEYS[2])
    redis.call('HSET', KEYS[1], 'continuity', continuity, 'server', running)
  end
  if known ~= continuity and (hold == 0 or known ~= '') then
    -- Gates that hold slots unknown here tell it within a lease.
    hold = math.max(tonumber(hold), now + lease)
    redis.call('HSET', KEYS[1], 'hold', hold)
  end
  heard()
  return {continuity, math.max(0, tonumber(hold) - now)}
end

-- Invariant, for every API key at all times: the sum of what gates hold <= limit, but for what a gate brings along that
-- was not known here.
local function settle(alive, gates, key, at)
  local held, wanted, limit = tonumber(ARGV[at]), tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2])
  local others, granted, all = 0, 0, redis.call('HGETALL', key)
  for place = 1, #all, 2 do
    if not alive[all[place]] then
      redis.call('HDEL', key, all[place])
    elseif all[place] ~= gate then
      others = others + tonumber(all[place + 1])
    end
  end
  if wanted > 0 then
    local most = limit - others
    if now < tonumber(hold) + LATE then most = math.min(most, math.max(1, math.floor(limit / gates))) end
    granted = math.max(0, math.min(wanted, most - held))
  end
  if held + granted > 0 then
    redis.call('HSET', key, gate, held + granted)
    redis.call('PEXPIRE', key, KEPT)
  else
    redis.call('HDEL', key, gate)
  end
  return granted, others
end

local function settle_all()
  if ARGV[4] ~= continuity or not redis.call('HGET', KEYS[2], gate) then return {} end
  heard()
  local alive, count, gates = {}, 0, redis.call('HGETALL', KEYS[2])
  for place = 1, #gates, 2 do
    if tonumber(gates[place + 1]) + lease > now then
      alive[gates[place]], count = true, count + 1
    else
      redis.call('HDEL', KEYS[2], gates[place])
    end
  end
  local results = {now}
  for number = 3, #KEYS do
    local granted, others = settle(alive, count, KEYS[number], 5 + (number - 3) * FIELDS)
    results[#results + 1] = granted
    results[#results + 1] = others
  end
  return results
end

if command == 'join' then return join() end
if command == 'settle' then return settle_all() end
return redis.call('HDEL', KEYS[2], gate)
