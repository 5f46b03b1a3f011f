/**
 * A box under live traffic, for the failure matrix and for chaos: the lab, both real processes kept running as systemd would keep them,
 * the traffic, and what the box has said. Faults (faults-*.ts) are inflicted on it; `measure` tells what they did.
 */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import Database from 'better-sqlite3';
import type { AgentStatus } from '../../messages/agent-messages.js';
import type { EnforcerStatus, StateChange } from '../../messages/vocabulary.js';
import { StateChangeTable } from '../../store/state-changes.js';
import { READER, startBroker } from '../broker.js';
import { createCertificates, type Certificates } from '../certificates.js';
import { createLabBox, type LabBox, type StartHow } from '../lab-box.js';
import { must, waitFor, type Running } from '../namespace.js';
import { createNetworkLab, HOSPITAL, type LabMode, type NetworkLab } from '../network-lab.js';
import { LiveTraffic, matrixPolicy, type TrafficReport } from './live-traffic.js';

/** Restart= and RestartSec= of the units. */
const RESTART_MS = { enforcer: 1_000, agent: 2_000 } as const;
const NEVER: Promise<unknown> = new Promise(() => undefined);
/** The box's disk, so small that a test can fill it. */
const DISK = '32m';
/** Traffic that runs before anything is measured. */
const WARM_UP_MS = 1_000;
/** Measured before and after a fault, so that what is late is seen. */
const MARGIN_MS = 700;
const LISTED = 2_000;
/** A loaded machine: the box tells within this time. */
const TOLD_WITHIN_MS = 30_000;

/** A device that is not there: to contain it stops nothing of the traffic. */
export const SPARE_DEVICE = 'spare-1';
const SPARE = `  ${SPARE_DEVICE}:
    identity: { macs: ["02:00:5e:00:53:01"] }
    mode: enforce
`;

/** One of the two processes, started again when it ends, as its unit says. */
export class Supervised {
  readonly #start: (how: StartHow) => Promise<Running>;
  readonly #restartMs: number;
  #running: Running | null = null;
  #isHeld = false;
  how: StartHow = {};

  constructor(start: (how: StartHow) => Promise<Running>, restartMs: number) {
    this.#start = start;
    this.#restartMs = restartMs;
  }

  get running(): Running {
    if (!this.#running) throw new Error('it does not run');
    return this.#running;
  }

  async start(): Promise<void> {
    this.#isHeld = false;
    const running = await this.#start(this.how);
    this.#running = running;
    void running.ended.then(async () => {
      if (this.#isHeld || this.#running !== running) return;
      // What it says when it cannot start is asked for by those who wait for it. As with Restart=always, it is tried for ever.
      await this.#startAgain();
    });
  }

  async #startAgain(): Promise<void> {
    await delay(this.#restartMs);
    if (!this.#isHeld) await this.start().catch(() => this.#startAgain());
  }

  signal(signal: NodeJS.Signals): void {
    this.#running?.signal(signal);
  }

  /** Killed, and running again. */
  async dies(): Promise<void> {
    const before = this.running;
    before.signal('SIGKILL');
    await before.ended;
    await waitFor(
      () => this.#running !== before,
      NEVER,
      () => `not started again: ${before.output().slice(-2000)}`,
      TOLD_WITHIN_MS,
    );
  }

  /** Ended, and not started again. */
  async hold(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    this.#isHeld = true;
    this.#running?.signal('SIGCONT');
    this.#running?.signal(signal);
    await this.#running?.ended;
  }

  async restart(how: StartHow = this.how): Promise<void> {
    await this.hold('SIGTERM');
    this.how = how;
    await this.start();
  }
}

export interface StandOptions {
  readonly mode?: LabMode;
  /** A real Mosquitto in the hospital, which the box reports to. */
  readonly broker?: boolean;
}

export interface Measured<Result> {
  readonly traffic: TrafficReport;
  readonly result: Result;
  /** Refused packets that the kernel counted. */
  readonly refusedCounted: number;
  /** Refused packets that the agent knows by connection; logging is limited, so it knows fewer. */
  readonly refusedStored: number;
}

export class Stand {
  readonly dir: string;
  readonly lab: NetworkLab;
  readonly box: LabBox;
  readonly enforcer: Supervised;
  readonly agent: Supervised;
  readonly certificates: Certificates | null;
  #traffic: LiveTraffic | null = null;
  #broker: Running | null = null;

  private constructor(dir: string, lab: NetworkLab, box: LabBox, certificates: Certificates | null) {
    this.dir = dir;
    this.lab = lab;
    this.box = box;
    this.certificates = certificates;
    this.enforcer = new Supervised((how) => box.startEnforcer(how), RESTART_MS.enforcer);
    this.agent = new Supervised((how) => box.startAgent(how), RESTART_MS.agent);
  }

  /** Needs namespaces of its own (own-namespaces.ts): it mounts the box's disk. */
  static async open({ mode = 'bridge', broker = false }: StandOptions = {}): Promise<Stand> {
    const dir = await mkdtemp(join(tmpdir(), 'cordon-matrix-'));
    await mkdir(join(dir, 'state'));
    await must(['mount', '-t', 'tmpfs', '-o', `size=${DISK}`, 'tmpfs', join(dir, 'state')]);
    const lab = await createNetworkLab(mode);
    const certificates = broker ? await createCertificates(dir, ['box-1', READER], [HOSPITAL[0]]) : null;
    const box = await createLabBox(
      lab.box,
      dir,
      mode,
      'box-1',
      certificates ? { address: HOSPITAL[0], certificates } : null,
    );
    const stand = new Stand(dir, lab, box, certificates);
    try {
      await stand.startBroker();
      await stand.enforcer.start();
      await stand.agent.start();
      await stand.apply(stand.policy());
      stand.#traffic = await LiveTraffic.start(lab, dir);
      await stand.isInline();
      await delay(WARM_UP_MS);
      return stand;
    } catch (error) {
      await stand.close();
      throw error;
    }
  }

  get traffic(): LiveTraffic {
    if (!this.#traffic) throw new Error('there is no traffic yet');
    return this.#traffic;
  }

  get stateDir(): string {
    return join(this.dir, 'state');
  }

  /** `extra`: more entries of the pump's list. */
  policy(extra = ''): string {
    return `${matrixPolicy(this.lab.mode, this.lab.pumpMac)}${extra}${SPARE}`;
  }

  /** Through the command, as people do; in force for good. */
  async apply(text: string): Promise<void> {
    const file = join(this.dir, 'policy.yaml');
    await writeFile(file, text);
    const applied = await this.box.cordon('policy', 'apply', file, '--no-confirm');
    if (applied.code !== 0) throw new Error(applied.stderr);
  }

  status(): Promise<EnforcerStatus> {
    return this.box.askEnforcer('status', {});
  }

  isInline(): Promise<void> {
    return this.becomes(
      // After a frame that was flooded holding is suspended for half a minute and longer (inline-verdicts.ts).
      ({ inspection }) => inspection.active === 'inline' || /flooded/.test(inspection.why ?? ''),
      'inline',
    );
  }

  /** Until the enforcer's status is so; it may be away meanwhile. */
  becomes(isSo: (status: EnforcerStatus) => boolean, what: string): Promise<void> {
    return waitFor(
      () => this.status().then(isSo, () => false),
      NEVER,
      () => `not ${what}: ${this.enforcer.running.output().slice(-2000)}`,
      TOLD_WITHIN_MS,
    );
  }

  async agentBecomes(isSo: (status: AgentStatus) => boolean, what: string): Promise<void> {
    await waitFor(
      () => this.box.askAgent('status', {}).then(isSo, () => false),
      NEVER,
      () => `not ${what}: ${this.agent.running.output().slice(-2000)}`,
      TOLD_WITHIN_MS,
    );
  }

  /** Waits for a finding that a detector with such a name told after `sinceMs`. */
  async found(detector: RegExp, sinceMs: number): Promise<string> {
    let title: string | undefined;
    await waitFor(
      async () => {
        const { rows } = await this.box.askAgent('findings', { limit: 1_000 });
        title = rows.find((row) => detector.test(row.detector) && row.lastMs >= sinceMs)?.title;
        return title !== undefined;
      },
      NEVER,
      () => `no finding of ${String(detector)}`,
      TOLD_WITHIN_MS,
    );
    return title ?? '';
  }

  async startBroker(): Promise<void> {
    if (this.certificates)
      this.#broker = await startBroker(this.lab.hospital, HOSPITAL[0], this.dir, this.certificates);
  }

  async stopBroker(): Promise<void> {
    await this.#broker?.stop();
  }

  /** What the box has written down of itself, latest first. */
  stateChanges(): readonly StateChange[] {
    const db = new Database(join(this.stateDir, 'agent', 'agent.db'), {
      readonly: true,
      fileMustExist: true,
    });
    try {
      return new StateChangeTable(db).list(LISTED);
    } finally {
      db.close();
    }
  }

  /** Waits until the box has said it, after `sinceMs` of its own clock. */
  async told(kind: StateChange['kind'], detail: RegExp, sinceMs: number): Promise<string> {
    let found: StateChange | undefined;
    await waitFor(
      () => {
        try {
          found = this.stateChanges().find(
            (change) => change.kind === kind && change.atMs >= sinceMs && detail.test(change.detail),
          );
        } catch {
          // The database is being made anew.
        }
        return found !== undefined;
      },
      NEVER,
      () => `the box did not tell ${kind} ${String(detail)}`,
      TOLD_WITHIN_MS,
    );
    return `${kind}: ${found?.detail ?? ''}`;
  }

  /** Refused connections in the agent's store. */
  async refusalsStored(): Promise<number> {
    const { rows } = await this.box.askAgent('refusals', { limit: 1_000 });
    return rows.reduce((sum, row) => sum + row.count, 0);
  }

  /** The account of the time in which `work` was done, and a little before and after. */
  async measure<Result>(work: () => Promise<Result>): Promise<Measured<Result>> {
    const [before, storedBefore] = [await this.status(), await this.refusalsStored()];
    await this.traffic.begin();
    await delay(MARGIN_MS);
    const result = await work();
    await delay(MARGIN_MS);
    const traffic = await this.traffic.report();
    const [after, storedAfter] = [await this.status(), await this.refusalsStored()];
    const counted = after.refused.policy.packets - before.refused.policy.packets;
    return {
      traffic,
      result,
      // Counters begin anew with tables that somebody else removed.
      refusedCounted: counted > 0 ? counted : after.refused.policy.packets,
      refusedStored: storedAfter > storedBefore ? storedAfter - storedBefore : storedAfter,
    };
  }

  async close(): Promise<void> {
    await this.agent.hold();
    await this.enforcer.hold();
    await this.#traffic?.stop();
    await this.lab.close();
    await must(['umount', '-l', this.stateDir]);
    await rm(this.dir, { recursive: true, force: true });
  }
}
