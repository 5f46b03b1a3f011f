/** Faults of our tables: removed by somebody else, changed under load, loaded anew at boot. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Fault } from './fault.js';
import type { Stand } from './stand.js';

const CHANGES = 5;
const CHANGE_EVERY_MS = 300;
const FLUSHES = 2;
const APART_MS = 1_500;

/** While no table says what is permitted, nothing passes; a lost segment is sent again after 200 ms at the soonest (RFC 6298, Linux). */
const CLOSED_MEANWHILE =
  'until our tables are back, in tens of milliseconds, nothing passes: the ports refuse what no table has admitted';

export const TABLE_FAULTS: readonly Fault[] = [
  {
    id: 'tables-deleted',
    what: 'our tables deleted or flushed by somebody else',
    live: 'short',
    fresh: 'short',
    why: CLOSED_MEANWHILE,
    async inflict(stand) {
      for (const words of [
        'delete table inet cordon',
        ...(stand.lab.mode === 'bridge' ? ['delete table bridge cordon'] : []),
        'flush set inet cordon allow4',
      ])
        await isRestored(stand, words);
      return stand.told('tables-restored', /./, 0);
    },
  },
  {
    id: 'ruleset-flushed',
    what: '`nft flush ruleset`',
    live: 'short',
    fresh: 'short',
    why: CLOSED_MEANWHILE,
    async inflict(stand) {
      for (let flush = 0; flush < FLUSHES; flush += 1) await isRestored(stand, 'flush ruleset');
      return stand.told('tables-restored', /is gone/, 0);
    },
  },
  {
    id: 'policy-changed',
    what: 'allow-list changed under load',
    live: 'none',
    fresh: 'none',
    async inflict(stand) {
      const since = Date.now();
      for (let change = 0; change < CHANGES; change += 1) {
        const extra = Array.from(
          { length: 1 + ((change * 7) % 40) },
          (_, index) =>
            `      - { direction: out, peer: { address: 10.77.0.${100 + index} }, protocol: tcp, ports: [${4000 + change}], why: other }\n`,
        ).join('');
        await stand.box.askEnforcer('policy.apply', {
          text: stand.policy(extra),
          by: 'matrix',
          confirmWithinSeconds: null,
        });
        await delay(CHANGE_EVERY_MS);
      }
      return stand.told('policy-applied', /devices/, since);
    },
  },
];

async function isRestored(stand: Stand, words: string): Promise<void> {
  const before = (await stand.status()).tablesRestored;
  await stand.lab.box.must(['nft', ...words.split(' ')]);
  await stand.becomes((status) => status.tablesRestored > before, `tables restored after ${words}`);
  await stand.isInline();
  // Each is a disturbance of its own: what one of them lost has been sent again before the next.
  await delay(APART_MS);
}
