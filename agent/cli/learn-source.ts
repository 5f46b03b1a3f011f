/**
 * Where `cordon learn` gets what was seen: from the agent of the running box, or from captures. Both come out as the same values, so that the commands
 * do not know which it was.
 */
import { coverageOf } from '../learn/coverage.js';
import { emptyPolicyText } from '../learn/proposal-yaml.js';
import type { LearnDetail } from '../messages/agent-messages.js';
import { parseAddress } from '../policy/address.js';
import type { BoxConfig } from '../policy/config.js';
import { ownValue, type LearnedAddresses } from '../policy/resolve-peers.js';
import { NAME_PATTERN, type Policy } from '../policy/schema.js';
import type { LearntCapture } from '../replay/learn-capture.js';
import type { NamedDevice } from '../replay/replay-devices.js';
import type { CliContext } from './context.js';
import { checkCaptures, notACapture } from './capture-files.js';
import { nameOf, parsePolicyText, readConfigFile, readDocument, unreadable } from './documents.js';
import { CliError, usageError } from './errors.js';
import { escapeControls } from './escape.js';
import { parseRunning } from './policy-online.js';
import { withAgent, withEnforcer } from './sockets.js';

export interface LearnSourceOptions {
  readonly json?: true;
  readonly capture?: readonly string[];
  /** `MAC=NAME`, `ADDRESS=NAME`. */
  readonly device?: readonly string[];
  readonly policy?: string;
}

export interface Learnt extends LearnDetail {
  /** The name that it has in the policy, or that it is to have. */
  readonly name: string;
  readonly isInPolicy: boolean;
  readonly policy: Policy;
  readonly policyText: string;
  /** `the running policy`, or the file. */
  readonly policyFrom: string;
  readonly config: BoxConfig;
  readonly learned: LearnedAddresses;
  /** Now, or the end of the capture. */
  readonly nowMs: number;
}

const MAC = /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/;
const NO_POLICY = 'learnt from a capture';

/** `who`: a name of the policy, a MAC or an address. Rejects with a CliError that says what to give instead. */
export async function learntOf(
  context: CliContext,
  who: string,
  options: LearnSourceOptions,
  wantedName?: string,
): Promise<Learnt> {
  if (options.capture === undefined && options.device !== undefined)
    throw usageError('--device goes with --capture: on a box the policy says who is who');
  if (wantedName !== undefined && !NAME_PATTERN.test(wantedName))
    throw usageError(
      `"${escapeControls(wantedName)}" cannot be a device's name: lower-case letters, digits, dots and dashes`,
    );
  const given = await givenPolicy(context, options);
  const { detail, nowMs } =
    options.capture === undefined
      ? {
          detail: await withAgent(context, (agent) =>
            agent.request('learn.show', { device: keyOf(who, given.policy) }),
          ),
          nowMs: context.nowMs(),
        }
      : await fromCaptures(context, who, options, given.policy);
  const { device } = detail;
  const owner = ownerOf(given.policy, [who, device.key, device.mac ?? '', ...device.addresses]);
  const name = owner ?? wantedName ?? nameFor(device.key);
  const learned = new Map(
    [...detail.others, { device: name, addresses: device.addresses }].map(({ device: key, addresses }) => [
      key,
      addresses.flatMap((text) => parseAddress(text) ?? []),
    ]),
  );
  return {
    ...detail,
    ...given,
    name,
    isInPolicy: owner !== null,
    config: await configOf(context),
    learned,
    nowMs,
  };
}

async function givenPolicy(context: CliContext, options: LearnSourceOptions) {
  if (options.policy !== undefined) {
    const policyText = await readDocument(options.policy);
    const policyFrom = nameOf(options.policy);
    return { policyText, policyFrom, policy: await parsePolicyText(context, policyText, policyFrom) };
  }
  if (options.capture !== undefined) {
    const policyText = emptyPolicyText(NO_POLICY);
    return {
      policyText,
      policyFrom: 'an empty policy',
      policy: await parsePolicyText(context, policyText, NO_POLICY),
    };
  }
  const current = await withEnforcer(context, (enforcer) => enforcer.request('policy.current', {}));
  const policyText = current.text === '' ? emptyPolicyText('My clinic') : current.text;
  return {
    policyText,
    policyFrom: 'the running policy',
    policy: await parseRunning(context, { ...current, text: policyText }),
  };
}

/** Compiling needs one; the allow sets are the same for every box. */
async function configOf(context: CliContext): Promise<BoxConfig> {
  try {
    return await readConfigFile(context.paths.configFile);
  } catch (error) {
    if (!(error instanceof CliError) || error.code !== 'ENOENT') throw error;
    const { boxConfig } = await import('../policy/config.js');
    return boxConfig.parse({ box: 'box', mode: 'bridge', devicePorts: ['dev0'], networkPorts: ['net0'] });
  }
}

/** Every device of the captures, the ones heard last first. */
export async function learnCaptures(
  options: LearnSourceOptions,
  policy: Policy,
  also: readonly NamedDevice[] = [],
): Promise<LearntCapture> {
  const { learnFromCaptures } = await import('../replay/learn-capture.js');
  const named = [...(options.device ?? []).map(namedByHand), ...namedByPolicy(policy), ...also];
  const seen = new Set<string>();
  const distinct = named.map(({ name, ends }) => ({
    name,
    ends: ends.filter((end) => !seen.has(end) && seen.add(end)),
  }));
  const files = options.capture ?? [];
  await checkCaptures(files);
  try {
    const learnt = await learnFromCaptures(files, distinct, policy.detect);
    const bad = learnt.files.find(({ problem, packets }) => problem === 'not-a-capture' && packets === 0);
    if (bad !== undefined) throw notACapture(bad.file);
    return learnt;
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (cause instanceof CliError || code === undefined) throw cause;
    throw unreadable(files.join(', '), cause);
  }
}

async function fromCaptures(
  context: CliContext,
  who: string,
  options: LearnSourceOptions,
  policy: Policy,
): Promise<{ readonly detail: LearnDetail; readonly nowMs: number }> {
  const end = endOf(who);
  const isNamed =
    (options.device ?? []).some((text) => text.endsWith(`=${who}`)) || ownValue(policy.devices, who);
  if (!isNamed && end === null) {
    // Who asks for a file that is none has that to mend first.
    await checkCaptures(options.capture ?? []);
    throw usageError(
      `who is ${escapeControls(who)} in the capture? give its MAC or address, or --device MAC=${escapeControls(who)}`,
    );
  }
  const learnt = await learnCaptures(
    options,
    policy,
    isNamed || end === null ? [] : [{ name: end, ends: [end] }],
  );
  for (const { file, problem } of learnt.files)
    if (problem !== 'none') context.warn(`${nameOf(file)}: ${problem}: what came before it was read`);
  const owner = ownerOf(policy, [who]);
  const device = learnt.book.find(end ?? who) ?? learnt.book.find(owner ?? who);
  if (device === null) throw new CliError('unknown-device', `${escapeControls(who)} is not in the capture`);
  const habits = learnt.book.habits(device.key);
  const stretches = learnt.watched.stretches();
  const offset = -new Date(learnt.endMs).getTimezoneOffset();
  return {
    nowMs: learnt.endMs,
    detail: {
      device,
      coverage: coverageOf(device, habits, stretches, learnt.endMs, offset),
      habits: [...habits],
      findings: [...learnt.findings],
      others: learnt.book
        .devices()
        .filter(({ key }) => key !== device.key)
        .map(({ key, addresses }) => ({ device: key, addresses })),
    },
  };
}

/** The MAC or address that a text is; null for a name. */
function endOf(text: string): string | null {
  const mac = text.toLowerCase().replaceAll('-', ':');
  if (MAC.test(mac)) return mac;
  return parseAddress(text)?.text ?? null;
}

function namedByHand(text: string): NamedDevice {
  const at = text.indexOf('=');
  const end = endOf(text.slice(0, at));
  const name = text.slice(at + 1);
  if (at < 1 || end === null || name === '')
    throw usageError(`--device ${escapeControls(text)}: write MAC=NAME or ADDRESS=NAME`);
  return { name, ends: [end] };
}

function namedByPolicy(policy: Policy): NamedDevice[] {
  return Object.entries(policy.devices).map(([name, { identity }]) => ({
    name,
    ends: [...identity.macs, ...identity.addresses.map(({ text }) => text)],
  }));
}

/** The device of the policy that has this name, MAC or address. */
function ownerOf(policy: Policy, texts: readonly string[]): string | null {
  for (const text of texts) {
    if (ownValue(policy.devices, text) !== undefined) return text;
    const end = endOf(text);
    if (end === null) continue;
    for (const [name, { identity }] of Object.entries(policy.devices))
      if (identity.macs.includes(end) || identity.addresses.some((address) => address.text === end))
        return name;
  }
  return null;
}

/** What the agent knows a device by. */
function keyOf(who: string, policy: Policy): string {
  return ownerOf(policy, [who]) ?? endOf(who) ?? who;
}

/** A name for a device that has none: `device-0003b1000001`. */
function nameFor(key: string): string {
  return NAME_PATTERN.test(key) && endOf(key) === null ? key : `device-${key.replaceAll(/[^0-9a-z]+/g, '')}`;
}
