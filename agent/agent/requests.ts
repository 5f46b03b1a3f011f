/** The agent's answers to the CLI and the page, over agent.sock: reads of the store. Handed to ipc/server.ts by main.ts. */
import type { Handlers } from '../ipc/request-table.js';
import type { AgentStatus, agentRequests } from '../messages/agent-messages.js';
import type { Store } from '../store/store.js';

export function agentHandlers(store: Store, status: () => AgentStatus): Handlers<typeof agentRequests> {
  return {
    status: () => status(),
    devices: ({ limit }) => store.devices.list(limit),
    refusals: ({ limit, device }) => store.refusals.list(limit, device ?? null),
    findings: ({ limit, device, state }) => store.findings.list(limit, device ?? null, state ?? null),
  };
}
