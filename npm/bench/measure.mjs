// Rounds: everything is measured a little, then everything again, so that a busy moment hits all alike. The best round is
// the one that was disturbed least. Garbage is never collected on demand: the heap shrinks each time, and then whoever allocates
// more than we do pays up to three times as much as it would in a program.

/** Time that a contender runs in one round, ms. Shorter rounds find quiet moments, longer ones a finer clock. */
const BATCH_MS = 12;
const WARM_UP_MS = 40;
/** Most times that a group is measured in one round. */
export const PASSES_MAX = 3;
/** Share of a batch that runs untimed before it, to get over what the case before left behind. */
const RUN_IN = 0.3;
/** Fewest calls in a batch. */
const CALLS_MIN = 2;

/**
 * Measures groups of cases; within a group a round takes the cases in a new order, `passes` times. A case is
 * `{ name, call, expected }`; `call(n)` gives an answer or a promise of one. Stops at the first wrong answer.
 *
 * Every case gets `cpu` and `wall`: microseconds per call, one figure a pass.
 */
export async function measure(groups, { rounds, quick = false, beforeRound = () => {} }) {
  const batchMs = quick ? BATCH_MS / 2 : BATCH_MS;
  beforeRound();
  for (const one of groups.flatMap(({ cases }) => cases)) {
    one.cpu = [];
    one.wall = [];
    one.answers = 0;
    await warmUp(one, quick ? WARM_UP_MS / 2 : WARM_UP_MS, batchMs);
  }
  for (let round = 0; round < rounds; round += 1) {
    beforeRound();
    for (let pass = 0; pass < PASSES_MAX; pass += 1) {
      for (const { cases, passes = 1 } of groups) {
        if (pass < passes) for (const one of shuffled(cases)) await timed(one, batchMs);
      }
    }
  }
}

/** Lets the compiler do its work, and finds how many calls fill a batch. */
async function warmUp(one, warmUpMs, batchMs) {
  one.isAsync = one.call(0) instanceof Promise;
  const start = performance.now();
  let calls = 0;
  for (let batch = 1; performance.now() - start < warmUpMs; batch *= 2) {
    await run(one, batch);
    calls += batch;
  }
  one.calls = Math.max(CALLS_MIN, Math.ceil((calls * batchMs) / (performance.now() - start)));
}

async function timed(one, batchMs) {
  await run(one, Math.ceil(one.calls * RUN_IN));
  const cpu = process.cpuUsage();
  const wall = performance.now();
  await run(one, one.calls);
  const wallUs = (performance.now() - wall) * 1000;
  const { user, system } = process.cpuUsage(cpu);
  one.cpu.push((user + system) / one.calls);
  one.wall.push(wallUs / one.calls);
  one.answers += one.calls;
  // What was slow while it was being compiled would have batches too short for good.
  one.calls = Math.max(CALLS_MIN, Math.ceil((batchMs * 1000) / best(one.cpu)));
}

async function run(one, calls) {
  const wrong = one.isAsync ? await wrongOfAsync(one, calls) : wrongOf(one, calls);
  if (wrong > 0) throw new Error(`${one.name}: ${wrong} of ${calls} answers were not ${one.expected}`);
}

function wrongOf({ call, expected }, calls) {
  let wrong = 0;
  for (let n = 0; n < calls; n += 1) if (call(n) !== expected) wrong += 1;
  return wrong;
}

async function wrongOfAsync({ call, expected }, calls) {
  let wrong = 0;
  for (let n = 0; n < calls; n += 1) if ((await call(n)) !== expected) wrong += 1;
  return wrong;
}

export function shuffled(list) {
  const copy = [...list];
  for (let last = copy.length - 1; last > 0; last -= 1) {
    const other = Math.floor(Math.random() * (last + 1));
    [copy[last], copy[other]] = [copy[other], copy[last]];
  }
  return copy;
}

export const best = (figures) => Math.min(...figures);

export function median(figures) {
  const sorted = [...figures].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}
