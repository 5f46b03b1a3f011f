/**
 * One connection to one of the two processes for the length of a command. Imports the messages only when called: reading
 * their schemas is the greater part of a command's start-up.
 */
import type { IpcClient } from '../ipc/client.js';
import type { agentRequests } from '../messages/agent-messages.js';
import type { requests } from '../messages/enforcer-messages.js';
import type { CliContext } from './context.js';

export type EnforcerClient = IpcClient<typeof requests>;
export type AgentClient = IpcClient<typeof agentRequests>;

/** Compiling and loading a policy of 20,000 devices takes seconds on a small box. */
export const APPLY_TIMEOUT_MS = 120_000;

/** Rejects with an IpcError or a RequestError, see ipc/errors.ts. */
export async function withEnforcer<Result>(
  context: CliContext,
  use: (enforcer: EnforcerClient) => Promise<Result>,
): Promise<Result> {
  const [{ connect }, { requests }] = await Promise.all([
    import('../ipc/client.js'),
    import('../messages/enforcer-messages.js'),
  ]);
  const client = await connect({ socketPath: context.paths.enforcerSocket, peerName: 'enforcer', requests });
  try {
    return await use(client);
  } finally {
    client.close();
  }
}

export async function withAgent<Result>(
  context: CliContext,
  use: (agent: AgentClient) => Promise<Result>,
): Promise<Result> {
  const [{ connect }, { agentRequests }] = await Promise.all([
    import('../ipc/client.js'),
    import('../messages/agent-messages.js'),
  ]);
  const client = await connect({
    socketPath: context.paths.agentSocket,
    peerName: 'agent',
    requests: agentRequests,
  });
  try {
    return await use(client);
  } finally {
    client.close();
  }
}
