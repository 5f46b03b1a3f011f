/**
 * Where things live on a box. Read once by each process root and by the CLI; everything else is handed a path.
 * The three variables exist for the lab and the tests, which run several boxes on one machine.
 */
import { join } from 'node:path';

export interface Paths {
  /** The box's configuration, see policy/config.ts. */
  readonly configFile: string;
  readonly enforcerSocket: string;
  readonly agentSocket: string;
  /** Written by the enforcer only: generations of the policy, containment orders, device ids. */
  readonly enforcerStateDir: string;
  /** Written by the agent only: the store. */
  readonly agentStateDir: string;
  /** Written by the agent only: the activity log. */
  readonly activityDir: string;
}

export function pathsFromEnvironment(environment: Readonly<Record<string, string | undefined>>): Paths {
  const runDir = environment['CORDON_RUN_DIR'] ?? '/run/cordon';
  const stateDir = environment['CORDON_STATE_DIR'] ?? '/var/lib/cordon';
  return {
    configFile: environment['CORDON_CONFIG'] ?? '/etc/cordon/config.yaml',
    enforcerSocket: join(runDir, 'enforcer.sock'),
    agentSocket: join(runDir, 'agent.sock'),
    enforcerStateDir: join(stateDir, 'enforcer'),
    agentStateDir: join(stateDir, 'agent'),
    activityDir: join(stateDir, 'agent', 'activity'),
  };
}
