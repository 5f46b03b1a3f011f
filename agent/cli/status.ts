/** `cordon status`: asks both processes at once. One that does not answer is part of the picture, not the end of it. */
import type { AgentStatus } from '../messages/agent-messages.js';
import type { EnforcerStatus } from '../messages/vocabulary.js';
import type { CliContext } from './context.js';
import { EXIT_DONE, EXIT_REFUSED, type ExitStatus } from './errors.js';
import { withAgent, withEnforcer } from './sockets.js';
import { statusLines, type Asked } from './status-lines.js';

export async function showStatus(
  context: CliContext,
  options: { readonly json?: true },
): Promise<ExitStatus> {
  const [enforcer, agent] = await Promise.all([
    ask<EnforcerStatus>(context.paths.enforcerSocket, () =>
      withEnforcer(context, (client) => client.request('status', {})),
    ),
    ask<AgentStatus>(context.paths.agentSocket, () =>
      withAgent(context, (client) => client.request('status', {})),
    ),
  ]);
  if (options.json)
    context.json({
      enforcer: enforcer.ok ? enforcer.status : null,
      agent: agent.ok ? agent.status : null,
      problems: [
        ...(enforcer.ok ? [] : [{ process: 'enforcer', code: enforcer.code, message: enforcer.message }]),
        ...(agent.ok ? [] : [{ process: 'agent', code: agent.code, message: agent.message }]),
      ],
    });
  else context.lines(statusLines(enforcer, agent, context.nowMs(), context.columns));
  return enforcer.ok ? EXIT_DONE : EXIT_REFUSED;
}

async function ask<Status>(socketPath: string, request: () => Promise<Status>): Promise<Asked<Status>> {
  try {
    return { ok: true, status: await request() };
  } catch (error) {
    if (error instanceof Error && 'code' in error && typeof error.code === 'string')
      return { ok: false, code: error.code, message: error.message, socketPath };
    throw error;
  }
}
