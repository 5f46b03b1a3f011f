/**
 * Looks the names of the policy up ahead of the devices, by the policy's own resolvers, so that a device which kept an address is not
 * refused after a restart. Only what the enforcer says the policy has is asked for, and the enforcer judges every answer; it has no IP
 * socket to ask with. Failures are counted: the devices' own questions are answered all the same.
 */
import { Resolver } from 'node:dns/promises';
import type { IpcClient } from '../ipc/client.js';
import type { requests } from '../messages/enforcer-messages.js';

/** Questions that wait at once. */
const CONCURRENT = 8;
const TIMEOUT_MS = 3_000;
const TRIES = 2;
const MAX_ADDRESSES = 64;

type Ask = IpcClient<typeof requests>['request'];

export class NameLookups {
  readonly #ask: Ask;
  readonly #onError: (error: unknown) => void;
  #isRunning = false;
  #isWanted = false;
  #unanswered = 0;

  constructor(ask: Ask, onError: (error: unknown) => void) {
    this.#ask = ask;
    this.#onError = onError;
  }

  /** One round at a time; what is asked for meanwhile is one more after it. */
  start(): void {
    this.#isWanted = true;
    if (!this.#isRunning) void this.#run();
  }

  counters(): Readonly<Record<string, number>> {
    return { namesUnanswered: this.#unanswered };
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    while (this.#isWanted) {
      this.#isWanted = false;
      try {
        this.#unanswered += await lookUp(this.#ask);
      } catch (error) {
        this.#onError(error);
      }
    }
    this.#isRunning = false;
  }
}

/** Returns for how many names nobody gave an address. Rejects when the enforcer does not answer. */
async function lookUp(ask: Ask): Promise<number> {
  const { resolvers, names } = await ask('names', { limit: 1 });
  if (resolvers.length === 0 || names.length === 0) return 0;
  const resolver = new Resolver({ timeout: TIMEOUT_MS, tries: TRIES });
  resolver.setServers(resolvers);
  const waiting = [...names];
  const items: { name: string; addresses: { address: string; ttlSeconds: number }[] }[] = [];
  const work = async (): Promise<void> => {
    for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
      const addresses = await addressesOf(resolver, name);
      if (addresses.length > 0) items.push({ name, addresses: addresses.slice(0, MAX_ADDRESSES) });
    }
  };
  await Promise.all(Array.from({ length: CONCURRENT }, work));
  if (items.length > 0) await ask('names.resolved', { items });
  return names.length - items.length;
}

async function addressesOf(
  resolver: Resolver,
  name: string,
): Promise<readonly { address: string; ttlSeconds: number }[]> {
  const answers = await Promise.allSettled([
    resolver.resolve4(name, { ttl: true }),
    resolver.resolve6(name, { ttl: true }),
  ]);
  return answers.flatMap((answer) =>
    answer.status === 'rejected'
      ? []
      : answer.value.map(({ address, ttl }) => ({ address, ttlSeconds: Math.max(0, Math.floor(ttl)) })),
  );
}
