/**
 * One change of the kernel at a time: a policy, a containment order and the restoring of tables must not interleave.
 * In order of asking. The queue is bounded, so that a flood of requests is refused instead of remembered.
 */
import { RequestError } from '../ipc/errors.js';

const MAX_WAITING = 64;

export class KernelLock {
  #tail: Promise<unknown> = Promise.resolve();
  #waiting = 0;

  /** Runs `work` after everything asked before. Rejects with RequestError `busy` when too much waits already. */
  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#waiting >= MAX_WAITING)
      throw new RequestError('busy', `${MAX_WAITING} changes are waiting already; try again`);
    this.#waiting += 1;
    const result = this.#tail.then(work, work);
    this.#tail = result.catch(() => undefined);
    try {
      return await result;
    } finally {
      this.#waiting -= 1;
    }
  }
}
