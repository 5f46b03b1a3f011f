/**
 * The box's line to its broker, held open for ever: birth and will, retained documents, events from the spool,
 * telemetry. Outbound only. Started by agent/main.ts; must never stop trying, and never keep the agent from its other work.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { MqttClient } from 'mqtt';
import { MAX_DESIRED_CHARACTERS } from '../containment/desired.js';
import type { Spool, SpooledEvent } from '../store/spool.js';
import { openBroker, type BrokerSettings, type OpenBroker } from './broker.js';
import { Delivery, type PublishOutcome } from './delivery.js';
import type { BoxTopics } from './pure/topics.js';

/** How long `stop()` waits for the broker to take the farewell. */
const STOP_TIMEOUT_MS = 1_000;
/** A connection that held this long was a good one: the next failure begins with the short wait again. */
const GOOD_CONNECTION_MS = 30_000;
/** PUBACK reasons that no retry changes: topic name invalid, packet too large, payload format invalid. */
const NEVER_REASONS: readonly number[] = [0x90, 0x95, 0x99];
/** Status, meta and the reported documents share the broker's Receive Maximum with the events. */
const RETAINED_RESERVE = 4;
/** Topic, properties and fixed header, counted generously, beside the payload. */
const PACKET_OVERHEAD_BYTES = 256;
/** SUBACK reason codes from here on are refusals (MQTT 5 section 3.9.3). */
const REFUSED_QOS = 0x80;

export interface UpstreamOptions {
  readonly box: string;
  readonly topics: BoxTopics;
  readonly broker: BrokerSettings;
  readonly spool: Spool;
  /** Wait before a new attempt: grows from min to max by doubling, each drawn from its upper half. */
  readonly backoffMs: { readonly min: number; readonly max: number };
  readonly nowMs: () => number;
  readonly random: () => number;
  readonly onChange?: (change: UpstreamChange) => void;
  /** Signed documents of the fleet, as they came; null: none are wanted. Whatever the broker sends is hostile. */
  readonly onDesired: ((text: string) => void) | null;
}

export type UpstreamChange =
  | { readonly kind: 'connected' }
  | { readonly kind: 'lost' }
  | { readonly kind: 'failed'; readonly reason: string; readonly retryInMs: number };

export class Upstream {
  /** Telemetry that found no connection. */
  telemetryDropped = 0;
  /** Messages that were not asked for, or are too large. */
  incomingDropped = 0;
  /** Why the last attempt or connection failed; null while all is well. */
  lastError: string | null = null;
  readonly #options: UpstreamOptions;
  readonly #delivery: Delivery;
  /** The latest of each, sent anew on every connection. */
  readonly #retained = new Map<string, string>();
  readonly #stopping = new AbortController();
  #open: OpenBroker | null = null;
  #running: Promise<void> | null = null;

  constructor(options: UpstreamOptions) {
    this.#options = options;
    this.#delivery = new Delivery(options.spool);
  }

  start(): void {
    this.#running ??= this.#run();
  }

  get isConnected(): boolean {
    return this.#open !== null;
  }

  counters(): Record<string, number> {
    return {
      telemetry: this.telemetryDropped,
      brokerMessages: this.incomingDropped,
      spoolRemovalsFailed: this.#delivery.removalsFailed,
    };
  }

  get inFlight(): number {
    return this.#delivery.inFlight;
  }

  /** Rows were added to the spool. */
  spoolGrew(): void {
    this.#delivery.pump();
  }

  /** Level-triggered: the broker keeps the last one, and a new connection tells it again. */
  setRetained(topic: string, document: unknown): void {
    const payload = JSON.stringify(document);
    if (this.#retained.get(topic) === payload) return;
    this.#retained.set(topic, payload);
    if (this.#open) this.#publishRetained(this.#open.client, topic, payload);
  }

  /** QoS 0: lost, and counted, while there is no connection. */
  sendTelemetry(topic: string, document: unknown): void {
    if (this.#open) this.#open.client.publish(topic, JSON.stringify(document), { qos: 0 }, () => undefined);
    else this.telemetryDropped += 1;
  }

  /** Says goodbye and closes. What is not acknowledged stays in the spool. Safe twice. */
  async stop(): Promise<void> {
    if (this.#stopping.signal.aborted) return await (this.#running ?? undefined);
    this.#stopping.abort();
    const client = this.#open?.client;
    if (client) {
      const farewell = JSON.stringify({ state: 'offline', atMs: this.#options.nowMs(), reason: 'stopped' });
      const said = new Promise<void>((resolve) => {
        client.publish(this.#options.topics.status, farewell, { qos: 1, retain: true }, () => {
          client.end(false, () => {
            resolve();
          });
        });
      });
      await Promise.race([said, delay(STOP_TIMEOUT_MS, undefined, { ref: false })]);
      client.end(true);
    }
    await this.#running;
    this.#delivery.end();
  }

  async #run(): Promise<void> {
    let failures = 0;
    while (!this.#isStopping()) {
      const startedAtMs = this.#options.nowMs();
      try {
        await this.#connection();
      } catch (error) {
        this.lastError = describe(error);
      }
      if (this.#isStopping()) return;
      failures = this.#options.nowMs() - startedAtMs >= GOOD_CONNECTION_MS ? 1 : failures + 1;
      const retryInMs = this.#backoffMs(failures);
      this.#options.onChange?.({
        kind: 'failed',
        reason: this.lastError ?? 'the connection was lost',
        retryInMs,
      });
      await delay(retryInMs, undefined, { signal: this.#stopping.signal }).catch(() => undefined);
    }
  }

  /** One connection from birth to its end. */
  async #connection(): Promise<void> {
    const { box, topics, broker, nowMs } = this.#options;
    const will = { topic: topics.status, payload: JSON.stringify({ state: 'offline', reason: 'lost' }) };
    const open = await openBroker(broker, `cordon-${box}`, will);
    if (this.#isStopping()) {
      open.client.end(true);
      return;
    }
    this.#open = open;
    this.lastError = null;
    this.#options.onChange?.({ kind: 'connected' });
    this.#listen(open.client);
    const ended = open.closed.then(() => {
      this.#open = null;
      this.#delivery.end();
    });
    this.#publishRetained(open.client, topics.status, JSON.stringify({ state: 'online', sinceMs: nowMs() }));
    for (const [topic, payload] of this.#retained) this.#publishRetained(open.client, topic, payload);
    this.#delivery.begin({
      maxInFlight: Math.max(1, open.maxInFlight - RETAINED_RESERVE),
      publish: (event) => publishEvent(open, event),
    });
    await ended;
    this.lastError = 'the connection was lost';
    this.#options.onChange?.({ kind: 'lost' });
    open.client.end(true);
  }

  /** Retained: what is wanted now comes with every connection, so an offline box converges. */
  #listen(client: MqttClient): void {
    const { onDesired, topics } = this.#options;
    if (onDesired === null) return;
    const wanted = topics.desired('containment');
    client.on('message', (topic, payload) => {
      // An empty message only takes the retained one away: what was ordered stays ordered.
      if (topic === wanted && payload.length > 0 && payload.length <= MAX_DESIRED_CHARACTERS)
        onDesired(payload.toString('utf8'));
      else if (payload.length > 0) this.incomingDropped += 1;
    });
    client.subscribe(wanted, { qos: 1 }, (error, granted) => {
      const isRefused = granted?.some(({ qos }) => qos >= REFUSED_QOS) ?? false;
      if (error || isRefused)
        this.lastError = `${wanted} cannot be subscribed to: ${error ? describe(error) : 'the broker refuses it'}`;
    });
  }

  #publishRetained(client: MqttClient, topic: string, payload: string): void {
    client.publish(topic, payload, { qos: 1, retain: true }, (error) => {
      // Told again on the next connection, or with the next change.
      if (error && this.#open?.client === client) this.lastError = `${topic}: ${describe(error)}`;
    });
  }

  #isStopping(): boolean {
    return this.#stopping.signal.aborted;
  }

  #backoffMs(failures: number): number {
    const { min, max } = this.#options.backoffMs;
    const ceiling = Math.min(max, min * 2 ** Math.min(failures, 20));
    return Math.round(ceiling * (0.5 + this.#options.random() / 2));
  }
}

async function publishEvent(open: OpenBroker, event: SpooledEvent): Promise<PublishOutcome> {
  const bytes = Buffer.byteLength(event.payload) + PACKET_OVERHEAD_BYTES;
  if (open.maxPacketBytes !== null && bytes > open.maxPacketBytes) return 'never';
  return await new Promise((resolve) => {
    const properties = { contentType: 'application/json' };
    open.client.publish(event.topic, event.payload, { qos: 1, properties }, (error) => {
      if (!error) resolve('taken');
      else resolve('code' in error && NEVER_REASONS.includes(error.code) ? 'never' : 'later');
    });
  });
}

/** No secrets can be in these: keys are files, and neither OpenSSL nor mqtt.js quotes their content. */
function describe(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(describe).join('; ');
  return error instanceof Error ? error.message : String(error);
}
