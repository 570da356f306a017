-- Distributed sliding-window rate limiter, as one atomic script: what all gates together have admitted, and what each
-- may still admit without asking (docs/decisions/0029).
--
-- KEYS: the record of this Redis, the gates, then one for each API key. ARGV: a command, then
--   join    continuity known ('': none), gate number known ('': none), a continuity to begin if need be, starting: 1 or 0
--           → continuity, gate number, milliseconds to wait yet, whether the days are seeded: 0 no, 1 yes, 2 it is yours to do
--   settle  continuity, gate number, then FIELDS for each API key → RESULTS for each; nothing if the gate is not known
--   seed    continuity, day, 1 if these are the last, then a count for each API key
-- Times are milliseconds of this server's clock; days are numbers, one more for each.

local WINDOW, BUCKET = 60000, 250
local SILENT = 65000          -- a gate that was silent for so long no longer spends its former allowances
local HOLD, HOLD_FIRST = 60000, 2000
local SEEDING = 40000         -- a gate that was to seed the days and took longer is replaced by the next that asks
local KEPT = 25 * 3600 * 1000 -- the count of a day is needed until it ends; the gates say when that is
local DAYS = 4                -- so many days have counts: a gate's clock may be set, and set back
local FIELDS = 8

local command, told_continuity = ARGV[1], ARGV[2]
local continuity, server, offset, last = unpack(redis.call('HMGET', KEYS[1], 'continuity', 'server', 'offset', 'last'))

-- Milliseconds that never step back: if the machine's clock does, an offset makes up for it.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000) + (tonumber(offset) or 0)
if last and now < tonumber(last) then
  offset = (tonumber(offset) or 0) + tonumber(last) - now
  now = tonumber(last)
  redis.call('HSET', KEYS[1], 'offset', offset)
end

local function keep_record(...)
  redis.call('HSET', KEYS[1], 'last', now, ...)
  redis.call('PEXPIRE', KEYS[1], KEPT)
end

local function join()
  local known_gate, new_continuity, starting = ARGV[3], ARGV[4], ARGV[5] == '1'
  local running = string.match(redis.call('INFO', 'server'), 'run_id:(%x+)')
  local began = not continuity or server ~= running
  if began then
    continuity = new_continuity
    redis.call('HDEL', KEYS[1], 'seeded', 'seeding')
    redis.call('DEL', KEYS[2])
    keep_record('continuity', continuity, 'server', running)
  end
  local hold = tonumber(redis.call('HGET', KEYS[1], 'hold') or 0)
  if told_continuity ~= continuity then
    if told_continuity ~= '' or (began and not starting) then
      hold = now + HOLD -- others may have admitted meanwhile what was never counted here
    elseif began then
      hold = now + HOLD_FIRST -- time for those to come back who knew this server before
    end
  end
  local gate = known_gate
  if told_continuity ~= continuity or gate == '' or not redis.call('HGET', KEYS[2], gate) then
    gate = tostring(redis.call('HINCRBY', KEYS[1], 'gates', 1))
  end
  keep_record('hold', hold)
  redis.call('HSET', KEYS[2], gate, now)
  redis.call('PEXPIRE', KEYS[2], KEPT)
  local seeded, seeding = unpack(redis.call('HMGET', KEYS[1], 'seeded', 'seeding'))
  local state = seeded and 1 or 0
  if not seeded and now >= hold and now >= tonumber(seeding or 0) + SEEDING then
    redis.call('HSET', KEYS[1], 'seeding', now)
    state = 2
  end
  return {continuity, gate, math.max(0, hold - now), state}
end

-- One API key: what was admitted by day, as pairs of a day and a count, the newest first; what each gate may still
-- spend unasked; and what was admitted in the last minute, as pairs of a bucket's end (in buckets) and a count.
local function load(key)
  local packed = redis.call('GET', key)
  if not packed then
    return {days = {}, allowances = {}, buckets = {}}
  end
  local state = cmsgpack.unpack(packed)
  -- The gates of an earlier release write two days alone, and drop the sixth part.
  return {days = state[6] or {state[1], state[2], state[1] - 1, state[3]}, allowances = state[4], buckets = state[5]}
end

local function place_of(state, day)
  for at = 1, #state.days, 2 do
    if state.days[at] == day then return at + 1 end
  end
end

local function admitted_on(state, day)
  local place = place_of(state, day)
  return place and state.days[place] or 0
end

local function set_day(state, day, count)
  local place = place_of(state, day)
  if place then
    state.days[place] = count
  elseif count > 0 then
    table.insert(state.days, 1, count)
    table.insert(state.days, 1, day)
    state.days[2 * DAYS + 1], state.days[2 * DAYS + 2] = nil, nil
  end
end

local function count_day(state, day, count)
  if count > 0 then set_day(state, day, admitted_on(state, day) + count) end
end

local function store(key, state)
  local day = state.days[1] or 0
  local today, before = admitted_on(state, day), admitted_on(state, day - 1)
  local packed = cmsgpack.pack({day, today, before, state.allowances, state.buckets, state.days})
  redis.call('SET', key, packed, 'PX', KEPT)
end

-- Drops the buckets that have left the window; returns the number of admissions in the others.
local function admitted_of_late(state)
  local kept, sum = {}, 0
  for at = 1, #state.buckets, 2 do
    if state.buckets[at] * BUCKET + WINDOW > now then
      kept[#kept + 1], kept[#kept + 2] = state.buckets[at], state.buckets[at + 1]
      sum = sum + state.buckets[at + 1]
    end
  end
  state.buckets = kept
  return sum
end

-- Counts admissions as if at the end of the present bucket, so that none leaves the window too early.
local function count_minute(state, count)
  if count == 0 then return end
  local bucket, newest = math.floor(now / BUCKET) + 1, #state.buckets - 1
  if newest > 0 and state.buckets[newest] == bucket then
    state.buckets[newest + 1] = state.buckets[newest + 1] + count
  else
    state.buckets[newest + 2], state.buckets[newest + 3] = bucket, count
  end
end

local function leaves_in(bucket)
  return bucket * BUCKET + WINDOW - now
end

-- Milliseconds until so many have left the window.
local function wait_for(state, surplus)
  for at = 1, #state.buckets, 2 do
    surplus = surplus - state.buckets[at + 1]
    if surplus <= 0 then return leaves_in(state.buckets[at]) end
  end
  return WINDOW
end

-- Takes one statement. Invariant, for every API key at all times, by minute and by day:
-- counted + the sum of all gates' allowances <= limit.
local function settle(gate, alive, key, at)
  local minute_limit, day_limit, allowance = tonumber(ARGV[at]), tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2])
  local spent, spent_today, spent_day = tonumber(ARGV[at + 3]), tonumber(ARGV[at + 4]), tonumber(ARGV[at + 5])
  local is_spending, asked_day = ARGV[at + 6] == '1', tonumber(ARGV[at + 7])
  local state, day = load(key), asked_day >= 0 and asked_day or spent_day
  local others, lost = 0, 0
  for holder, held in pairs(state.allowances) do
    if not alive[holder] then
      lost = lost + held -- it may have been spent, on any of the days; whose minute that was is over
      state.allowances[holder] = nil
    elseif holder ~= gate then
      others = others + held
    end
  end
  count_day(state, day, lost)
  for at = 1, #state.days, 2 do
    if state.days[at] ~= day then state.days[at + 1] = state.days[at + 1] + lost end
  end
  count_minute(state, spent)
  count_day(state, spent_day, spent_today)
  local counted = admitted_of_late(state)

  local function fits(more)
    return counted + others + more <= minute_limit
      and (day_limit < 0 or admitted_on(state, day) + others + more <= day_limit)
  end

  local admitted, wait, is_day_full, standing = 0, 0, 0, 0
  local held = state.allowances[gate] or 0
  if is_spending then
    -- One more than it holds: a report never takes the room that somebody was told to wait for.
    if held > 0 and fits(held + 1) then
      standing = 1
    else
      state.allowances[gate] = math.max(0, held - spent) -- until it has heard the answer
    end
  else
    state.allowances[gate] = nil
    if asked_day >= 0 then
      if fits(1) then
        admitted, counted = 1, counted + 1
        count_minute(state, 1)
        count_day(state, day, 1)
      else
        local surplus = counted + others + 1 - minute_limit
        wait = surplus > 0 and wait_for(state, surplus) or 0
        is_day_full = (day_limit >= 0 and admitted_on(state, day) + others + 1 > day_limit) and 1 or 0
      end
    end
    if allowance > 0 and fits(allowance + 1) then
      state.allowances[gate], standing = allowance, 1
    end
  end
  store(key, state)
  local leaves = state.buckets[1] and leaves_in(state.buckets[1]) or WINDOW
  return admitted, standing, counted, admitted_on(state, day), leaves, wait, is_day_full
end

local function settle_all()
  local gate = ARGV[3]
  if told_continuity ~= continuity or not redis.call('HGET', KEYS[2], gate) then return {} end
  keep_record()
  redis.call('HSET', KEYS[2], gate, now)
  redis.call('PEXPIRE', KEYS[2], KEPT)
  local alive, gates = {}, redis.call('HGETALL', KEYS[2])
  for at = 1, #gates, 2 do
    if tonumber(gates[at + 1]) + SILENT > now then
      alive[gates[at]] = true
    else
      redis.call('HDEL', KEYS[2], gates[at])
    end
  end
  local results = {now}
  for number = 3, #KEYS do
    local at = 4 + (number - 3) * FIELDS
    local last_result = #results
    results[last_result + 1], results[last_result + 2], results[last_result + 3], results[last_result + 4],
      results[last_result + 5], results[last_result + 6], results[last_result + 7] =
      settle(gate, alive, KEYS[number], at)
  end
  return results
end

local function seed()
  local day, is_last = tonumber(ARGV[3]), ARGV[4] == '1'
  if told_continuity ~= continuity then return 0 end
  for number = 3, #KEYS do
    local state = load(KEYS[number])
    set_day(state, day, math.max(admitted_on(state, day), tonumber(ARGV[number + 2])))
    store(KEYS[number], state)
  end
  if is_last then keep_record('seeded', 1) end
  return 1
end

if command == 'join' then return join() end
if command == 'settle' then return settle_all() end
return seed()
