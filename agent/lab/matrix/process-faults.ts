/** Faults of our own processes: killed, hung, in a loop of crashes. */
import { setTimeout as delay } from 'node:timers/promises';
import { INSPECTION_HEARTBEAT_TIMEOUT_MS } from '../../policy/default-policy.js';
import type { Fault } from './fault.js';

const CRASHES = 2;
const CRASH_EVERY_MS = 400;
const AGENT_STOPPED_MS = 2_000;

export const HELD_DIES =
  'a first packet that waited for the enforcer is dropped with it, and sent again after 1 s';

export const PROCESS_FAULTS: readonly Fault[] = [
  {
    id: 'enforcer-killed',
    what: 'enforcer killed',
    live: 'none',
    fresh: 'short',
    why: HELD_DIES,
    async inflict(stand) {
      const since = Date.now();
      await stand.enforcer.dies();
      await stand.isInline();
      return stand.told('enforcer-started', /version/, since);
    },
  },
  {
    id: 'enforcer-hung',
    what: 'enforcer hung (SIGSTOP), its queue bound',
    live: 'none',
    fresh: 'short',
    why: `first packets are held until the heartbeat runs out, ${INSPECTION_HEARTBEAT_TIMEOUT_MS / 1000} s at most`,
    async inflict(stand) {
      const since = Date.now();
      stand.enforcer.signal('SIGSTOP');
      await delay(2 * INSPECTION_HEARTBEAT_TIMEOUT_MS);
      // What systemd's watchdog does after WatchdogSec.
      await stand.enforcer.dies();
      await stand.isInline();
      return stand.told('enforcer-started', /version/, since);
    },
  },
  {
    id: 'enforcer-crash-loop',
    what: 'enforcer in a loop of crashes',
    live: 'none',
    fresh: 'short',
    why: HELD_DIES,
    async inflict(stand) {
      const since = Date.now();
      for (let crash = 0; crash < CRASHES; crash += 1) {
        await stand.enforcer.dies();
        await delay(CRASH_EVERY_MS);
      }
      await stand.isInline();
      return stand.told('enforcer-started', /version/, since);
    },
  },
  {
    id: 'agent-killed',
    what: 'agent killed',
    live: 'none',
    fresh: 'none',
    async inflict(stand) {
      await stand.agent.dies();
      await stand.refusalsStored();
      return 'it starts again and goes on; at most 5 minutes of counts are in the kernel only';
    },
  },
  {
    id: 'agent-stopped',
    what: 'agent hung (SIGSTOP)',
    live: 'none',
    fresh: 'none',
    async inflict(stand) {
      stand.agent.signal('SIGSTOP');
      await delay(AGENT_STOPPED_MS);
      const { refused } = await stand.status();
      if (refused.policy.packets === 0) throw new Error('the enforcer does not count');
      stand.agent.signal('SIGCONT');
      await stand.refusalsStored();
      return 'status of the enforcer goes on; what the agent could not take is counted';
    },
  },
];
