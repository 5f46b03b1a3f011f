/** What the agent's log says of its connection to the broker, and how much it says at all. Called by main.ts. */
import type { Logger } from 'pino';
import type { UpstreamChange } from '../upstream/mqtt-client.js';

export function logBroker(log: Logger, change: UpstreamChange): void {
  switch (change.kind) {
    case 'connected':
      log.info('connected to the broker');
      return;
    case 'lost':
      log.warn('the connection to the broker was lost; events wait on disk');
      return;
    case 'failed':
      log.warn({ reason: change.reason, retryInMs: change.retryInMs }, 'no connection to the broker');
      return;
  }
}

export function logLevel(environment: Readonly<Record<string, string | undefined>>): string {
  const wanted = environment['CORDON_LOG'] ?? 'info';
  return ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'].includes(wanted) ? wanted : 'info';
}
