/** Faults of what the box keeps: a full disk, damaged files, a clock that lies, a broker that is gone. */
import { open, readlink, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fakeClockEnvironment, setFakeClock } from '../fake-clock.js';
import { run } from '../namespace.js';
import Database from 'better-sqlite3';
import type { Fault } from './fault.js';
import { HELD_DIES } from './process-faults.js';
import { SPARE_DEVICE, type Stand } from './stand.js';

const DAMAGE = Buffer.alloc(512, 0xa5);
const WEEK_S = 7 * 86_400;
const JUMP_SETTLES_MS = 1_500;

export const STORAGE_FAULTS: readonly Fault[] = [
  {
    id: 'disk-full',
    what: 'disk full, then the enforcer killed',
    live: 'none',
    fresh: 'short',
    why: HELD_DIES,
    async inflict(stand) {
      const since = Date.now();
      const filler = join(stand.stateDir, 'filler');
      const filled = await run(['dd', 'if=/dev/zero', `of=${filler}`, 'bs=64k']);
      if (!/No space/.test(filled.stderr)) throw new Error(`the disk is not full: ${filled.stderr}`);
      try {
        await stand.enforcer.dies();
        await stand.isInline();
        await contain(stand);
        const refused = await stand.box
          .askEnforcer('policy.apply', { text: stand.policy(), by: 'matrix', confirmWithinSeconds: null })
          .then(
            () => 'taken',
            (error: unknown) => String(error),
          );
        if (!/disk/.test(refused)) throw new Error(`a policy that cannot be kept: ${refused}`);
        await isContained(stand);
      } finally {
        await rm(filler, { force: true });
      }
      await release(stand);
      return stand.told('evidence-dropped', /not on disk/, since);
    },
  },
  {
    id: 'store-corrupt',
    what: "agent's store damaged while it runs",
    live: 'none',
    fresh: 'none',
    async inflict(stand) {
      const since = Date.now();
      await damageDatabase(join(stand.stateDir, 'agent', 'agent.db'));
      await contain(stand);
      await isContained(stand);
      await release(stand);
      return stand.told('evidence-dropped', /set aside/, since);
    },
  },
  {
    id: 'policy-corrupt',
    what: 'policy file on disk damaged, then the enforcer killed',
    live: 'none',
    fresh: 'short',
    why: HELD_DIES,
    async inflict(stand) {
      const since = Date.now();
      const before = await stand.status();
      const current = join(
        stand.stateDir,
        'enforcer',
        await readlink(join(stand.stateDir, 'enforcer', 'current')),
      );
      await overwrite(join(current, 'policy.yaml'), [100]);
      await stand.enforcer.dies();
      await stand.isInline();
      const after = await stand.status();
      if (after.policy.sha256 !== before.policy.sha256) throw new Error('another policy is in force');
      await contain(stand);
      await isContained(stand);
      await release(stand);
      return stand.told('evidence-dropped', /policy\.yaml/, since);
    },
  },
  {
    id: 'clock-jumps',
    what: 'clock at 1970, then ten years ahead',
    live: 'none',
    fresh: 'none',
    prepare: startWithFakedClock,
    async inflict(stand) {
      await contain(stand, '--for', '1h');
      for (const clock of ['@1970-01-01 00:00:10', '+10y', '@1970-01-02 00:00:00']) {
        await setClock(stand, clock);
        await delay(JUMP_SETTLES_MS);
        await isContained(stand);
        const { containment } = await stand.status();
        if (containment.length !== 1)
          throw new Error(`an order of an hour is gone with the clock at ${clock}`);
        await stand.refusalsStored();
      }
      await setClock(stand, '+0');
      await release(stand);
      return stand.told('containment-released', /./, 0);
    },
    mend: restartAsUsual,
  },
  {
    id: 'broker-gone',
    what: 'broker gone for a week',
    live: 'none',
    fresh: 'none',
    needsBroker: true,
    prepare: startWithFakedClock,
    async inflict(stand) {
      await stand.stopBroker();
      await contain(stand);
      await setClock(stand, `+${WEEK_S}s`);
      await release(stand);
      await delay(JUMP_SETTLES_MS);
      const { spool } = await stand.box.askAgent('status', {});
      if (spool.waiting === 0) throw new Error('nothing waits for the broker');
      await stand.startBroker();
      await stand.agentBecomes(
        (status) => status.broker.connected && status.spool.waiting === 0,
        'everything sent',
      );
      const after = await stand.box.askAgent('status', {});
      if (after.spool.dropped > 0) throw new Error(`${after.spool.dropped} events were dropped`);
      return `status: broker not connected; ${spool.waiting} events waited on disk and arrived`;
    },
    mend: restartAsUsual,
  },
];

async function contain(stand: Stand, ...words: readonly string[]): Promise<void> {
  const ran = await stand.box.cordon('contain', SPARE_DEVICE, '--reason', 'matrix', ...words);
  if (ran.code !== 0) throw new Error(ran.stderr);
}

async function release(stand: Stand): Promise<void> {
  const ran = await stand.box.cordon('release', SPARE_DEVICE, '--reason', 'over');
  if (ran.code !== 0) throw new Error(ran.stderr);
}

/** In the kernel, which is where it counts. */
async function isContained(stand: Stand): Promise<void> {
  const map = await stand.lab.box.must(['nft', 'list', 'map', 'inet', 'cordon', 'containment']);
  if (!/contained_out/.test(map)) throw new Error('the order is not in the kernel');
}

async function overwrite(path: string, offsets: readonly number[]): Promise<void> {
  const file = await open(path, 'r+');
  for (const offset of offsets) await file.write(DAMAGE, 0, DAMAGE.length, offset);
  await file.close();
}

/** Every page but the first, behind the back of the process that has it open; a commit makes that process read them again. */
async function damageDatabase(path: string): Promise<void> {
  const db = new Database(path);
  try {
    db.pragma('wal_checkpoint(TRUNCATE)');
    const pageBytes = Number(db.pragma('page_size', { simple: true }));
    const pages = Number(db.pragma('page_count', { simple: true }));
    await overwrite(
      path,
      Array.from({ length: pages - 1 }, (_, index) => (index + 1) * pageBytes),
    );
    db.pragma('application_id = 1');
  } finally {
    db.close();
  }
}

async function startWithFakedClock(stand: Stand): Promise<void> {
  await setClock(stand, '+0');
  const environment = await fakeClockEnvironment(clockOf(stand));
  await stand.enforcer.restart({ environment });
  await stand.agent.restart({ environment });
  await stand.isInline();
}

async function restartAsUsual(stand: Stand): Promise<void> {
  await stand.enforcer.restart({});
  await stand.agent.restart({});
  await stand.isInline();
}

function setClock(stand: Stand, text: string): Promise<void> {
  return setFakeClock(clockOf(stand), text);
}

function clockOf({ dir }: Stand): string {
  return join(dir, 'clock');
}
