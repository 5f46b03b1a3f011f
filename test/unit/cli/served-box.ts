/**
 * A box whose two sockets answer: the real server and the real messages, with answers that a test decides. What the CLI asked is
 * kept for the test to see. The processes themselves are in test/kernel.
 */
import { confirmationWord, isSameScope, scopeText } from '../../../agent/containment/orders.js';
import { RequestError } from '../../../agent/ipc/errors.js';
import type { Handlers } from '../../../agent/ipc/request-table.js';
import { serve } from '../../../agent/ipc/server.js';
import { agentRequests, type AgentStatus } from '../../../agent/messages/agent-messages.js';
import { requests } from '../../../agent/messages/enforcer-messages.js';
import type { ContainmentOrder, EnforcerStatus, NameTable } from '../../../agent/messages/vocabulary.js';
import { REFUSAL_REASONS } from '../../../agent/messages/vocabulary.js';
import type { Test } from 'tap';
import { POLICY } from './policies.js';
import { emptyBox, type Box } from './run-cordon.js';

export interface ServedBox extends Box {
  /** Every request but `status`, in order. */
  readonly asked: (readonly [name: string, params: unknown])[];
}

export const nowMs = Date.now();

export const order: ContainmentOrder = {
  id: 4,
  scope: { device: 'pump-1' },
  level: 'contained',
  sparesLifeSustaining: false,
  by: 'nurse',
  source: 'cli',
  reason: 'scans \u001b[2Jthe ward',
  sinceMs: nowMs - 60_000,
  untilMs: nowMs + 7_200_000,
};

const state: EnforcerStatus['policy'] = {
  generation: 4,
  sha256: 'ab'.repeat(32),
  appliedAtMs: nowMs - 200_000,
  devices: 1,
  entries: 2,
  pending: null,
};

export const enforcerStatus: EnforcerStatus = {
  version: '0.1.0',
  pid: 123,
  startedAtMs: nowMs - 7_500_000,
  mode: 'bridge',
  policy: state,
  containment: [order],
  refused: Object.fromEntries(
    REFUSAL_REASONS.map((reason, index) => [reason, { packets: index * 10, bytes: index * 600 }]),
  ) as EnforcerStatus['refused'],
  permittedNew: 5,
  portsUnguarded: null,
  announcementsUnheard: null,
  variables: { changed: ['pacs'], problem: null },
  wouldRefuse: 3,
  inspection: {
    wanted: 'inline',
    active: 'tap',
    how: null,
    why: 'the kernel cannot hold packets',
    held: 0,
    refused: 0,
    unseen: 0,
  },
  desired: [],
  exceptions: { endedByMs: 0, isClockSettled: true, rows: [] },
  panel: { button: { problem: '/dev/input/event0 cannot be opened: EACCES' }, light: null },
  dropped: { nflogOverruns: 3, ipcBusy: 0 },
  tablesRestored: 1,
  rssBytes: 50_000_000,
};

export const nameTable: NameTable = {
  resolvers: ['10.20.0.53'],
  names: ['pacs.hospital.example'],
  rows: [
    {
      device: 'pump-1',
      name: 'pacs.hospital.example',
      address: '10.20.0.5',
      entries: [{ index: 0, name: 'pacs.hospital.example' }],
      isEssential: true,
      source: 'answer',
      confirmedMs: nowMs - 60_000,
      expiresMs: nowMs + 3_600_000,
      sharedWith: ['viewer.hospital.example'],
    },
  ],
  total: 1,
  refused: [
    {
      device: 'pump-1',
      name: 'update.vendor.example',
      address: '10.20.0.9',
      why: 'inside the site, and the name is not under site.domains',
      count: 2,
      lastMs: nowMs - 60_000,
    },
  ],
  answers: { matched: 12, unasked: 1, otherName: 2, unreadable: 0 },
};

export const agentStatus: AgentStatus = {
  version: '0.1.0',
  pid: 124,
  startedAtMs: nowMs - 7_500_000,
  enforcerConnected: true,
  broker: { configured: true, connected: false, url: 'mqtts://broker:8883', lastError: 'ECONNREFUSED' },
  spool: { waiting: 7, dropped: 0, limit: 10_000 },
  store: { path: '/var/lib/cordon/agent/agent.db', sizeBytes: 40_960, devices: 1, refusals: 2, findings: 1 },
  activity: {
    seq: 3,
    hash: 'cd'.repeat(32),
    lastMs: nowMs - 60_000,
    segments: 1,
    sizeBytes: 1_200,
    keepDays: 2_192,
  },
  dropped: {},
  rssBytes: 60_000_000,
};

export async function serveEnforcer(
  t: Test,
  box: ServedBox,
  overrides: Partial<Handlers<typeof requests>> = {},
): Promise<void> {
  const note = <Answer>(name: string, params: unknown, answer: Answer): Answer => {
    box.asked.push([name, params]);
    return answer;
  };
  const pending = { generation: 5, rollbackAtMs: nowMs + 300_000 };
  const server = await serve({
    socketPath: box.enforcerSocket,
    mode: 0o600,
    maxConnections: 8,
    maxRequestBytes: 1024 * 1024,
    requests,
    handlers: {
      status: () => enforcerStatus,
      'policy.current': () => ({ text: POLICY, state }),
      'policy.apply': (params) =>
        note('policy.apply', params, {
          ...state,
          generation: 5,
          pending: params.confirmWithinSeconds === null ? null : pending,
        }),
      'policy.confirm': (params) => note('policy.confirm', params, state),
      'policy.rollback': (params) => note('policy.rollback', params, state),
      flows: (params) =>
        note('flows', params, {
          rows: [
            {
              device: 'pump-1',
              deviceAddress: '10.20.0.2',
              direction: 'out' as const,
              peer: '2001:db8:1234:5678:9abc:def0:1234:5678',
              protocol: 6,
              port: 104,
              bytes: 5_000_000,
              bytesOut: 4_999_000,
              bytesIn: 1_000,
              isAnswered: true,
              permittedBy: {
                rule: 'policy devices.pump-1.allow[0]',
                why: 'dose\u001b[2J records',
                essential: true,
              },
              containment: 'contained' as const,
            },
          ],
          total: 3,
        }),
      names: () => nameTable,
      'names.resolved': (params) => note('names.resolved', params, { taken: 0, unknown: 0 }),
      'containment.preview': ({ scope, level }) => ({
        scope,
        level,
        confirmWith: confirmationWord(scope, 'box-7'),
        devices: [{ device: 'pump-1', lifeSustaining: true, level, stops: 1, goesOn: 0 }],
        devicesTotal: 1,
        lifeSustainingTotal: 1,
        stops: [
          {
            device: 'pump-1',
            direction: 'out' as const,
            peer: '10.0.0.5',
            protocol: 6,
            port: 8080,
            bytes: 1234,
          },
        ],
        stopsTotal: 1,
        goesOn: [],
        goesOnTotal: 0,
      }),
      'containment.order': (params) => {
        const { scope, level, sparesLifeSustaining } = params;
        return note('containment.order', params, {
          order: { ...order, scope, level, sparesLifeSustaining },
          connectionsCut: 2,
        });
      },
      'containment.release': (params) => {
        note('containment.release', params, null);
        if (!isSameScope(params.scope, order.scope))
          throw new RequestError('not-contained', `${scopeText(params.scope)} is not contained`);
        if (params.orders === null) return { released: [order], stillHeldBy: [] };
        return { released: [order], stillHeldBy: [{ ...order, id: 5, scope: { tag: 'icu' } }] };
      },
      'containment.desired': () => ({ documents: [] }),
      'familiar.restore': () => ({ restored: 0 }),
      'memories.restore': () => ({ restored: 0 }),
      ...overrides,
    },
  });
  t.teardown(() => server.stop());
}

const nothing = { rows: [], total: 0 };

export async function serveAgent(
  t: Test,
  box: ServedBox,
  handlers: Partial<Handlers<typeof agentRequests>>,
): Promise<void> {
  const server = await serve({
    socketPath: box.agentSocket,
    mode: 0o600,
    maxConnections: 8,
    maxRequestBytes: 64 * 1024,
    requests: agentRequests,
    handlers: {
      status: () => agentStatus,
      devices: () => nothing,
      inventory: () => nothing,
      'inventory.show': () => {
        throw new RequestError('unknown-device', 'there is no such device');
      },
      'inventory.enter': ({ devices }) => ({ changed: devices.length, problems: [] }),
      'reference.get': () => ({ document: null }),
      'reference.put': () => ({}),
      learn: () => nothing,
      'learn.show': () => {
        throw new RequestError('unknown-device', 'nothing was learnt of it');
      },
      refusals: () => nothing,
      findings: () => nothing,
      ...handlers,
    },
  });
  t.teardown(() => server.stop());
}

export function unservedBox(t: Test): ServedBox {
  return { ...emptyBox(t), asked: [] };
}
