/**
 * Has the heavy work on a policy (policy-work.ts) done by a thread that lives for one job: verdicts go on meanwhile, and what
 * it took in memory is given back. Called by policy-keeper.ts, under the kernel lock: one job at a time.
 */
import { Worker } from 'node:worker_threads';
import { counted } from '../counted.js';
import { RequestError } from '../ipc/errors.js';
import { collectGarbage } from './collect-garbage.js';
import { doJob, type Done, type Job, type Loading, type Prepared } from './policy-work.js';

/** The largest policy (20,000 devices of 10 entries) needs about this; more is refused, and the policy in force stays. */
const HEAP_MIB = 512;
/** The main thread's young generation is kept small; here it would only cost time. */
const YOUNG_MIB = 16;
/** A policy of so many devices leaves enough behind to be worth a collection of tens of milliseconds. */
const LARGE_POLICY_DEVICES = 500;
/** Read and compiled in about 30 ms here; verdicts wait meanwhile, as they may for a collection. */
const SMALL_POLICY_CHARACTERS = 64 * 1024;
const SMALL_POLICY_DEVICES = 100;
/** The kernel tells of its elements one by one, and the guard looks at what it was told. */
const COLLECT_AFTER_MS = 3_000;

/** Throws RequestError `bad-policy`. */
export async function prepare(job: Omit<Extract<Job, { kind: 'prepare' }>, 'kind'>): Promise<Prepared> {
  const done = await run({ kind: 'prepare', ...job });
  if (done.kind !== 'prepared') throw refusal(done);
  return done.prepared;
}

/** The text that brings the kernel to a policy which was prepared before. */
export async function write(
  job: Omit<Extract<Job, { kind: 'write' }>, 'kind'>,
): Promise<{ readonly shape: Prepared['shape']; readonly loading: Loading }> {
  const done = await run({ kind: 'write', ...job });
  if (done.kind !== 'written') throw refusal(done);
  return done;
}

function refusal(done: Done): RequestError {
  if (done.kind === 'bad-policy')
    return new RequestError(
      'bad-policy',
      `the policy has ${counted(done.problems.length, 'problem')}; nothing was changed`,
      [...done.problems],
    );
  return new RequestError(
    'bad-policy',
    done.kind === 'too-large' ? done.message : 'an answer of another kind',
  );
}

/** A thread costs 100 ms and 7 MiB that stay: a ward's policy is compiled in less, right here. */
function isSmall(job: Job): boolean {
  return job.kind === 'prepare'
    ? job.text.length <= SMALL_POLICY_CHARACTERS
    : job.to.packed.starts.length <= SMALL_POLICY_DEVICES;
}

async function run(job: Job): Promise<Done> {
  if (isSmall(job)) return doJob(job);
  const worker = new Worker(new URL('./policy-work.js', import.meta.url), {
    workerData: job,
    resourceLimits: { maxOldGenerationSizeMb: HEAP_MIB, maxYoungGenerationSizeMb: YOUNG_MIB },
  });
  try {
    return await new Promise<Done>((resolve, reject) => {
      worker.once('message', resolve);
      worker.once('error', (cause: Error & { readonly code?: string }) => {
        reject(
          cause.code === 'ERR_WORKER_OUT_OF_MEMORY'
            ? new RequestError(
                'bad-policy',
                `the policy needs more than ${HEAP_MIB} MiB to be read; written as JSON it needs a tenth`,
              )
            : cause,
        );
      });
      worker.once('exit', (code) => {
        reject(new Error(`the thread for the policy ended with ${code}`));
      });
    });
  } finally {
    await worker.terminate();
  }
}

let collecting: NodeJS.Timeout | null = null;

/**
 * What a large policy left behind in this thread, once its request is answered: V8 would keep it until it needs the room, and
 * the box is small.
 */
export function giveBackMemory(devices: number): void {
  if (devices < LARGE_POLICY_DEVICES) return;
  collecting ??= setTimeout(() => {
    collecting = null;
    collectGarbage();
  }, COLLECT_AFTER_MS).unref();
}
