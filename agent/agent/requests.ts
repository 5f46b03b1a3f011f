/** The agent's answers to the CLI and the page, over agent.sock. Handed to ipc/server.ts by main.ts. */
import { activityOfEntries } from '../activity/activities.js';
import type { NewActivity } from '../activity/entry.js';
import { attributed } from '../ipc/attributed.js';
import { RequestError } from '../ipc/errors.js';
import type { Handlers } from '../ipc/request-table.js';
import type { AgentStatus, InventoryRow, agentRequests } from '../messages/agent-messages.js';
import type { DeviceRecord } from '../inventory/device.js';
import { readKevProducts, readSupportTable } from '../risk/reference-data.js';
import type { ReferenceKind } from '../store/reference-data.js';
import type { Store } from '../store/store.js';
import type { InventoryKeeper } from './inventory-keeper.js';
import type { LearnKeeper } from './learn-keeper.js';

/** `writeDown`: has what waits for the next write in the store before it is read. `note`: into the activity log, all of it before the answer. */
export function agentHandlers(
  store: Store,
  inventory: InventoryKeeper,
  learning: LearnKeeper,
  status: () => AgentStatus,
  nowMs: () => number,
  writeDown: () => void,
  note: (items: readonly NewActivity[]) => void,
): Handlers<typeof agentRequests> {
  /** "Nothing was found" of a name that was mistyped would be taken for an answer. */
  const seen = <T extends { readonly total: number }>(device: string | undefined, records: T): T => {
    if (device === undefined || records.total > 0 || inventory.find(device) !== null) return records;
    throw new RequestError('unknown-device', `nothing was seen of a device "${device}"`);
  };
  return {
    status: () => status(),
    devices: ({ limit }) => store.devices.list(limit),
    inventory: ({ limit, offset }) => {
      const rows = inventory.rows();
      return { rows: rows.slice(offset, offset + limit).map(rowOf), total: rows.length };
    },
    'inventory.show': ({ device }) => {
      const found = inventory.find(device);
      if (found === null) throw new RequestError('unknown-device', `there is no device "${device}"`);
      return { device: rowOf(found), evidence: inventory.evidence(found.id) };
    },
    'inventory.enter': ({ by, devices }, asker) => {
      const noted: NewActivity[] = [];
      const results = devices.map(({ device, entries }) => {
        const before = inventory.find(device)?.operator ?? {};
        const result = inventory.enter(device, entries, by);
        const after = result.ok ? result.device.operator : before;
        const name = result.ok ? (result.device.policyName ?? result.device.id) : device;
        const activity = activityOfEntries(attributed(by, asker), name, before, after, nowMs());
        if (activity !== null) noted.push(activity);
        return { device, result };
      });
      note(noted);
      return {
        changed: results.filter(({ result }) => result.ok).length,
        problems: results.flatMap(({ device, result }) =>
          result.ok ? [] : result.problems.map((message) => ({ device, message })),
        ),
      };
    },
    'reference.get': ({ kind }) => ({ document: store.referenceData.get(kind) }),
    'reference.put': ({ kind, by, body }, asker) => {
      if (!isReference(kind, body)) throw new RequestError('bad-message', `not checked data of kind ${kind}`);
      store.referenceData.put(kind, { loadedMs: nowMs(), by, body });
      const detail = `${body.length} characters of checked data`;
      note([
        { atMs: nowMs(), who: attributed(by, asker), what: 'reference-data-loaded', object: kind, detail },
      ]);
      return {};
    },
    refusals: ({ limit, device }) => {
      writeDown();
      return seen(device, store.refusals.list(limit, device ?? null));
    },
    learn: ({ limit, offset }) => {
      const rows = learning.rows();
      return { rows: rows.slice(offset, offset + limit), total: rows.length };
    },
    'learn.show': ({ device }) => {
      const found = learning.show(device);
      if (found === null)
        throw new RequestError('unknown-device', `nothing was learnt of a device "${device}"`);
      return found;
    },
    findings: ({ limit, device, state }) => {
      writeDown();
      return seen(device, store.findings.list(limit, device ?? null, state ?? null));
    },
  };
}

/** The CLI has checked and cut it; who else speaks to the socket has to, too. */
function isReference(kind: ReferenceKind, body: string): boolean {
  return kind === 'kev' ? readKevProducts(body) !== null : readSupportTable(body, null).ok;
}

function rowOf(device: DeviceRecord): InventoryRow {
  return {
    ...device,
    macs: [...device.macs],
    addresses: [...device.addresses],
    roles: [...device.roles],
    services: [...device.services],
    speaks: [...device.speaks],
    reaches: [...device.reaches],
    operator: { ...device.operator },
    fields: Object.fromEntries(
      Object.entries(device.fields).map(([field, best]) => [
        field,
        { ...best, conflicts: [...best.conflicts] },
      ]),
    ),
  };
}
