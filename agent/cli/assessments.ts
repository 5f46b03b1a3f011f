/** Gathers what the risk assessment needs: from a running box (agent and enforcer), or from a capture with files of a person. Used by risk.ts and eol.ts. */
import { loadMakers } from '../agent/load-knowledge.js';
import { toldLevels } from '../containment/effects.js';
import { Inventory } from '../inventory/inventory.js';
import type { DeviceRecord } from '../inventory/device.js';
import type { ContainmentLevel, Finding } from '../messages/vocabulary.js';
import type { PacketView } from '../packet/view.js';
import type { Policy } from '../policy/schema.js';
import type { RiskInput } from '../risk/assess.js';
import { guardView } from '../risk/guard-view.js';
import {
  kevOf,
  readKev,
  readKevProducts,
  readSupportTable,
  type KevProduct,
} from '../risk/reference-data.js';
import { supportOf } from '../risk/support-state.js';
import { OWN_SUPPORT_TABLE, type SupportEntry } from '../risk/support-table.js';
import { subjectOf } from '../risk/subject.js';
import type { CliContext } from './context.js';
import { readInventory } from './devices.js';
import { nameOf, readDocument, readPolicyFile } from './documents.js';
import { CliError } from './errors.js';
import { readIntoInventory } from './inventory.js';
import { runningPolicy } from './policy-online.js';
import { withAgent, withEnforcer } from './sockets.js';

export interface AssessmentOptions {
  readonly json?: true;
  readonly capture?: string;
  readonly policy?: string;
  readonly kev?: string;
  readonly eol?: string;
  /** A day, as YYYY-MM-DD: to reckon as of then. */
  readonly asOf?: string;
}

const MAX_DEVICES = 10_000;
const MAX_FINDINGS = 10_000;

export interface World {
  readonly devices: readonly DeviceRecord[];
  readonly policy: Policy | null;
  readonly levelOf: (device: string) => ContainmentLevel;
  readonly findings: readonly Finding[];
  readonly kev: readonly KevProduct[];
  readonly table: readonly SupportEntry[];
}

/** What was left out, to be told, and the inputs in the inventory's order. */
export interface Gathered {
  readonly inputs: readonly RiskInput[];
  readonly notes: readonly string[];
  readonly nowMs: number;
  /** What they were made of; the inputs are in the order of its devices. */
  readonly world: World;
}

/** `onPacket`: also sees every packet of a capture, and when it was. */
export async function gather(
  context: CliContext,
  options: AssessmentOptions,
  onPacket?: (view: PacketView, timeMs: number) => void,
): Promise<Gathered> {
  const nowMs = options.asOf === undefined ? context.nowMs() : Date.parse(`${options.asOf}T12:00:00Z`);
  const notes: string[] = [];
  const world =
    options.capture === undefined
      ? await fromBox(context, options, notes)
      : await fromCapture(context, options.capture, options, onPacket);
  const inputs = world.devices.map((device) => inputOf(device, world, nowMs));
  return { inputs, notes, nowMs, world };
}

function inputOf(device: DeviceRecord, world: World, nowMs: number): RiskInput {
  const { policy } = world;
  const name = device.policyName ?? namedByMac(device, policy);
  const guarded = name === null ? null : (policy?.devices[name] ?? null);
  const subject = subjectOf(name === null ? device : { ...device, policyName: name }, guarded);
  const software = [subject.os, subject.software].filter((one) => one !== null);
  return {
    subject,
    support: supportOf(subject.os ?? subject.software, subject.endOfSupport, world.table, nowMs),
    kev: kevOf(software, world.kev),
    findings: world.findings.filter(
      (finding) =>
        (finding.device !== null && finding.device === name) ||
        (finding.deviceMac !== null && device.macs.includes(finding.deviceMac)),
    ),
    guard: policy === null || name === null ? null : guardView(policy, name, world.levelOf(name)),
    nowMs,
  };
}

/** Its name in the policy, by what the policy says of its identity. */
export function namedByMac(device: DeviceRecord, policy: Policy | null): string | null {
  if (policy === null) return null;
  for (const [name, { identity }] of Object.entries(policy.devices))
    if (
      identity.macs.some((mac) => device.macs.includes(mac)) ||
      identity.addresses.some(({ text }) => device.addresses.includes(text))
    )
      return name;
  return null;
}

async function fromBox(context: CliContext, options: AssessmentOptions, notes: string[]): Promise<World> {
  const said = await withAgent(context, async (agent) => ({
    devices: (await readInventory(agent, MAX_DEVICES)).rows,
    findings: (await agent.request('findings', { limit: MAX_FINDINGS, state: 'open' })).rows,
    kev: (await agent.request('reference.get', { kind: 'kev' })).document,
    eol: (await agent.request('reference.get', { kind: 'eol' })).document,
  }));
  const enforced = await withEnforcer(context, async (enforcer) => ({
    policy: await runningPolicy(context, enforcer),
    containment: (await enforcer.request('status', {})).containment,
  })).catch(() => null);
  if (enforced === null) notes.push('no policy in force was found: nothing counts as guarded');
  const files = await readFiles(context, options);
  if (files.kev.length === 0 && said.kev === null)
    notes.push('no catalogue of exploited vulnerabilities was loaded: cordon data import kev FILE');
  return {
    devices: said.devices,
    policy: options.policy === undefined ? (enforced?.policy ?? null) : files.policy,
    levelOf: enforced?.policy ? toldLevels(enforced.containment, enforced.policy) : () => 'normal',
    findings: said.findings,
    kev: files.kev.length > 0 ? files.kev : said.kev === null ? [] : (readKevProducts(said.kev.body) ?? []),
    table: [...files.table, ...(said.eol === null ? [] : tableOf(said.eol.body, null)), ...OWN_SUPPORT_TABLE],
  };
}

async function fromCapture(
  context: CliContext,
  capture: string,
  options: AssessmentOptions,
  onPacket?: (view: PacketView, timeMs: number) => void,
): Promise<World> {
  const inventory = new Inventory({ makers: loadMakers() });
  await readIntoInventory(inventory, capture, onPacket);
  const { policy, kev, table } = await readFiles(context, options);
  return {
    devices: inventory.book.devices(),
    policy,
    levelOf: () => 'normal',
    findings: [],
    kev,
    table: [...table, ...OWN_SUPPORT_TABLE],
  };
}

async function readFiles(context: CliContext, options: AssessmentOptions) {
  return {
    policy: options.policy === undefined ? null : (await readPolicyFile(context, options.policy)).policy,
    kev: options.kev === undefined ? [] : await readKevFile(options.kev),
    table: options.eol === undefined ? [] : await readSupportFile(options.eol, null),
  };
}

export async function readKevFile(file: string): Promise<readonly KevProduct[]> {
  const read = readKev(await readDocument(file));
  if (!read.ok) throw new CliError('bad-data', `${nameOf(file)}: ${read.problem}`);
  return read.value;
}

export async function readSupportFile(
  file: string,
  product: string | null,
): Promise<readonly SupportEntry[]> {
  const read = readSupportTable(await readDocument(file), product);
  if (!read.ok) throw new CliError('bad-data', `${nameOf(file)}: ${read.problem}`);
  return read.value;
}

function tableOf(body: string, product: string | null): readonly SupportEntry[] {
  const read = readSupportTable(body, product);
  return read.ok ? read.value : [];
}
