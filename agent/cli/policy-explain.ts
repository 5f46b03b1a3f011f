/** `cordon policy explain`: the verdict on one connection, the entry that gives it, and what would allow it. */
import { parseAddress } from '../policy/address.js';
import { PROTOCOL_NUMBERS } from '../policy/default-policy.js';
import { endpointOf, explain, type Endpoint, type Explanation, type Judgement } from '../policy/explain.js';
import { parseHostName } from '../policy/host-name.js';
import { NOTHING_LEARNED, NOTHING_NAMED, ownValue, type NamedAddresses } from '../policy/resolve-peers.js';
import type { Policy } from '../policy/schema.js';
import type { CliContext } from './context.js';
import { readPolicyFile } from './documents.js';
import { EXIT_DONE, EXIT_REFUSED, usageError, type ExitStatus } from './errors.js';
import { escapeControls } from './escape.js';
import { runningPolicy } from './policy-online.js';
import { withEnforcer, type EnforcerClient } from './sockets.js';

export interface ExplainOptions {
  readonly json?: true;
  readonly policy?: string;
  readonly from: string;
  readonly to: string;
  readonly proto: string;
  readonly port?: number;
}

export async function explainConnection(context: CliContext, options: ExplainOptions): Promise<ExitStatus> {
  const { policy, named, endedByMs } =
    options.policy === undefined
      ? await withEnforcer(context, (enforcer) => running(context, enforcer))
      : {
          ...(await readPolicyFile(context, options.policy)),
          named: NOTHING_NAMED,
          endedByMs: context.nowMs(),
        };
  const protocol = protocolOf(options.proto);
  const [from, to] = endpoints(policy, options.from, options.to);
  const needsPort =
    protocol === PROTOCOL_NUMBERS.tcp ||
    protocol === PROTOCOL_NUMBERS.udp ||
    protocol === PROTOCOL_NUMBERS.sctp;
  if (needsPort && options.port === undefined) throw usageError(`--proto ${options.proto} needs a --port`);
  const query = { from, to, protocol, port: needsPort ? (options.port ?? null) : null };
  const explanation = explain(policy, query, NOTHING_LEARNED, named, endedByMs);
  if (options.json) context.json({ from, to, protocol, port: options.port ?? null, ...explanation });
  else context.lines(explanationLines(explanation));
  return explanation.verdict === 'refuse' ? EXIT_REFUSED : EXIT_DONE;
}

const MAX_NAME_ROWS = 10_000;
/** Stand for an address that is not known. */
const ANY_ADDRESS = [{ family: 4, text: '0.0.0.0' } as const, { family: 6, text: '::' } as const];

/** The running policy, and what its names stand for on the box. */
async function running(
  context: CliContext,
  enforcer: EnforcerClient,
): Promise<{ policy: Policy; named: NamedAddresses; endedByMs: number }> {
  const policy = await runningPolicy(context, enforcer);
  const { endedByMs } = (await enforcer.request('status', {})).exceptions;
  const { rows } = await enforcer.request('names', { limit: MAX_NAME_ROWS });
  const named: NamedAddresses = (device, name) =>
    rows.flatMap((row) => {
      if (row.device !== device || !row.entries.some((entry) => entry.name === name)) return [];
      const address = parseAddress(row.address);
      return address === null ? [] : [address];
    });
  return { policy, named, endedByMs };
}

function protocolOf(text: string): number {
  const named = ownValue<number>(PROTOCOL_NUMBERS, text.toLowerCase());
  const number = /^\d{1,3}$/.test(text) ? Number(text) : null;
  const protocol = named ?? number;
  if (protocol === null || protocol > 255)
    throw usageError(
      `--proto ${text}: give one of ${Object.keys(PROTOCOL_NUMBERS).join(', ')}, or a number up to 255`,
    );
  return protocol;
}

/** Names stand for their first address of the family that both ends share. */
function endpoints(policy: Policy, fromText: string, toText: string): readonly [Endpoint, Endpoint] {
  const [from, to] = [candidates(policy, '--from', fromText), candidates(policy, '--to', toText)];
  for (const one of from)
    for (const other of to) if (one.address.family === other.address.family) return [one, other];
  throw usageError(`${fromText} and ${toText} have no address of the same family`);
}

function candidates(policy: Policy, option: string, text: string): readonly Endpoint[] {
  const address = parseAddress(text);
  if (address) return [endpointOf(policy, address)];
  const device = ownValue(policy.devices, text);
  if (!device) {
    const name = parseHostName(text, 'no-wildcard');
    if (!name.ok || !text.includes('.'))
      throw usageError(`${option} ${text}: neither an address nor a device of the policy, nor a host name`);
    return ANY_ADDRESS.map((each) => ({ address: each, device: null, name: name.name }));
  }
  // A device without a fixed address is still itself; any address stands for it.
  const addresses = device.identity.addresses.length > 0 ? device.identity.addresses : ANY_ADDRESS;
  return addresses.map((each) => ({ address: each, device: text }));
}

function explanationLines({ verdict, byDefault, judgements }: Explanation): readonly string[] {
  if (verdict === 'not-ours') return ['NOT DECIDED HERE: neither end is a device behind the box.'];
  const head = verdict === 'permit' ? 'PERMITTED' : 'REFUSED';
  if (byDefault !== null) return [`${head} by the default "${byDefault}", whatever the lists say.`];
  return [head, ...judgements.flatMap(judgementLines)].map(escapeControls);
}

function judgementLines(judgement: Judgement): readonly string[] {
  const { device, direction, entry, why, wouldAllow } = judgement;
  const list = `the "${direction}" list of ${device ?? 'an unknown device'}`;
  if (entry)
    return [
      `  ${list} permits it${entry.until === null ? '' : ` until ${entry.until}`}: ${entry.path}${entry.essential ? ' (essential)' : ''}`,
      `    why: ${entry.why}`,
    ];
  if (why === 'unknown-device')
    return [`  ${device ?? 'the device'} is not in the policy: see "unknownDevices"`];
  const said = {
    observe: 'has no entry for it; it passes because the device is in observe',
    shadow: 'has no entry for it; it passes and is counted because the device is in shadow',
    'no-entry': 'has no entry for it',
    entry: '',
  }[why];
  return [
    `  ${list} ${said}`,
    ...(judgement.ended === null
      ? []
      : [`    ${judgement.ended.path} permitted it until ${judgement.ended.until}, which is over`]),
    ...judgement.ifNamed.map(
      ({ path, names }) => `    ${path} permits it while ${names.join(' or ')} has that address`,
    ),
    ...(wouldAllow === null
      ? []
      : [`    this would allow it, under devices.${device ?? ''}.allow:`, `      ${wouldAllow}`]),
  ];
}
