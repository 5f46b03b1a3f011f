/** The agent's answers to the CLI and the page, over agent.sock. Handed to ipc/server.ts by main.ts. */
import { RequestError } from '../ipc/errors.js';
import type { Handlers } from '../ipc/request-table.js';
import type { AgentStatus, InventoryRow, agentRequests } from '../messages/agent-messages.js';
import type { DeviceRecord } from '../inventory/device.js';
import { readKevProducts, readSupportTable } from '../risk/reference-data.js';
import type { ReferenceKind } from '../store/reference-data.js';
import type { Store } from '../store/store.js';
import type { InventoryKeeper } from './inventory-keeper.js';

/** `writeDown`: has what waits for the next write in the store before it is read. */
export function agentHandlers(
  store: Store,
  inventory: InventoryKeeper,
  status: () => AgentStatus,
  nowMs: () => number,
  writeDown: () => void,
): Handlers<typeof agentRequests> {
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
    'inventory.enter': ({ by, devices }) => {
      const results = devices.map(({ device, entries }) => ({
        device,
        result: inventory.enter(device, entries, by),
      }));
      return {
        changed: results.filter(({ result }) => result.ok).length,
        problems: results.flatMap(({ device, result }) =>
          result.ok ? [] : result.problems.map((message) => ({ device, message })),
        ),
      };
    },
    'reference.get': ({ kind }) => ({ document: store.referenceData.get(kind) }),
    'reference.put': ({ kind, by, body }) => {
      if (!isReference(kind, body)) throw new RequestError('bad-message', `not checked data of kind ${kind}`);
      store.referenceData.put(kind, { loadedMs: nowMs(), by, body });
      return {};
    },
    refusals: ({ limit, device }) => {
      writeDown();
      return store.refusals.list(limit, device ?? null);
    },
    findings: ({ limit, device, state }) => store.findings.list(limit, device ?? null, state ?? null),
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
