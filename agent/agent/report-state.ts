/** The box's retained state at the broker, after each status of the enforcer. Called by main.ts. */
import type { EnforcerStatus } from '../messages/vocabulary.js';
import type { Upstream } from '../upstream/mqtt-client.js';
import type { boxTopics } from '../upstream/pure/topics.js';

/** What the box says it is now, retained at the broker. */
export function report(
  upstream: Upstream,
  topics: ReturnType<typeof boxTopics>,
  status: EnforcerStatus,
  version: string,
): void {
  const { policy } = status;
  upstream.setRetained(topics.meta, { version, mode: status.mode, policyGeneration: policy.generation });
  upstream.setRetained(topics.reported('policy'), policy);
  upstream.setRetained(topics.reported('containment'), {
    orders: status.containment,
    desired: status.desired,
  });
}
