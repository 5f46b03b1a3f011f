/**
 * One connection to one of the two processes for the length of a command. The messages are imported after the first request has left:
 * reading their schemas is the greater part of a command's time.
 */
import { connect, DEFAULT_REQUEST_TIMEOUT_MS, type IpcClient } from '../ipc/client.js';
import type { agentRequests } from '../messages/agent-messages.js';
import type { requests } from '../messages/enforcer-messages.js';
import { answerTimeoutMs } from './answer-timeout.js';
import type { CliContext } from './context.js';

export type EnforcerClient = IpcClient<typeof requests>;
export type AgentClient = IpcClient<typeof agentRequests>;

/** Compiling and loading a policy of 20,000 devices takes seconds on a small box. */
const APPLY_TIMEOUT_MS = 120_000;

export function applyTimeoutMs(context: CliContext): number {
  return Math.max(APPLY_TIMEOUT_MS, answerTimeoutMs(context) ?? 0);
}

/** Rejects with an IpcError or a RequestError, see ipc/errors.ts. */
export async function withEnforcer<Result>(
  context: CliContext,
  use: (enforcer: EnforcerClient) => Promise<Result>,
): Promise<Result> {
  const client = await connect({
    socketPath: context.paths.enforcerSocket,
    peerName: 'enforcer',
    timeoutMs: answerTimeoutMs(context) ?? DEFAULT_REQUEST_TIMEOUT_MS,
    requests: async () => (await import('../messages/enforcer-messages.js')).requests,
  });
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
  const client = await connect({
    socketPath: context.paths.agentSocket,
    peerName: 'agent',
    timeoutMs: answerTimeoutMs(context) ?? DEFAULT_REQUEST_TIMEOUT_MS,
    requests: async () => (await import('../messages/agent-messages.js')).agentRequests,
  });
  try {
    return await use(client);
  } finally {
    client.close();
  }
}
