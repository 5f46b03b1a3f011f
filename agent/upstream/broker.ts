/**
 * One connection to the broker: MQTT 5 over TLS, both sides proven by certificates. Used by mqtt-client.ts, which tries
 * again; this never does. What is subscribed to is one topic of signed documents (mqtt-client.ts): the broker itself gives no orders.
 */
import { readFile } from 'node:fs/promises';
import { connect, type IClientOptions, type IConnackPacket, type MqttClient } from 'mqtt';

/** TCP, TLS and CONNACK together. */
const CONNECT_TIMEOUT_MS = 20_000;
const KEEPALIVE_SECONDS = 30;
/**
 * A box that comes back this soon was never reported offline. The session must live as long, or its end would publish
 * the will at once (MQTT 5 section 3.1.3.2.2), and be resumed, for a clean start ends it too.
 */
const WILL_DELAY_SECONDS = 20;
/** Kept low so that a broker's queue for one box, and ours in memory, stays small. */
const MAX_IN_FLIGHT = 32;
/** What the broker may send: a message of signed documents, and few at once. It drops what is larger (MQTT 5 section 3.1.2.11.4). */
const MAX_INCOMING_BYTES = 128 * 1024;
const MAX_INCOMING_IN_FLIGHT = 4;

export interface BrokerSettings {
  readonly url: string;
  readonly caFile: string;
  readonly certFile: string;
  readonly keyFile: string;
}

export interface Will {
  readonly topic: string;
  readonly payload: string;
}

export interface OpenBroker {
  readonly client: MqttClient;
  /** What may be unacknowledged at once: our own limit or the broker's, whichever is lower. */
  readonly maxInFlight: number;
  /** The largest packet that the broker takes, if it said. */
  readonly maxPacketBytes: number | null;
  /** Settles when the connection is gone. */
  readonly closed: Promise<void>;
}

/** The files are read anew each time, so that a renewed certificate needs no restart. Rejects with the reason. */
export async function openBroker(
  settings: BrokerSettings,
  clientId: string,
  will: Will,
): Promise<OpenBroker> {
  const [ca, cert, key] = await Promise.all(
    [settings.caFile, settings.certFile, settings.keyFile].map((file) => readFile(file)),
  );
  const url = new URL(settings.url);
  const options: IClientOptions = {
    protocol: 'mqtts',
    host: url.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: url.port === '' ? 8883 : Number(url.port),
    protocolVersion: 5,
    clientId,
    ...(ca && { ca }),
    ...(cert && { cert }),
    ...(key && { key }),
    rejectUnauthorized: true,
    clean: false,
    properties: {
      sessionExpiryInterval: WILL_DELAY_SECONDS,
      maximumPacketSize: MAX_INCOMING_BYTES,
      receiveMaximum: MAX_INCOMING_IN_FLIGHT,
    },
    will: {
      topic: will.topic,
      payload: Buffer.from(will.payload),
      qos: 1,
      retain: true,
      properties: { willDelayInterval: WILL_DELAY_SECONDS },
    },
    keepalive: KEEPALIVE_SECONDS,
    connectTimeout: CONNECT_TIMEOUT_MS,
    reconnectPeriod: 0,
    resubscribe: false,
    queueQoSZero: false,
  };
  const client = connect(options);
  const closed = new Promise<void>((resolve) => client.once('close', resolve));
  try {
    const connack = await connected(client);
    const { receiveMaximum, maximumPacketSize } = connack.properties ?? {};
    return {
      client,
      maxInFlight: Math.min(MAX_IN_FLIGHT, receiveMaximum ?? MAX_IN_FLIGHT),
      maxPacketBytes: maximumPacketSize ?? null,
      closed,
    };
  } catch (error) {
    client.end(true);
    throw error;
  }
}

async function connected(client: MqttClient): Promise<IConnackPacket> {
  return await new Promise((resolve, reject) => {
    let lastError: Error | null = null;
    client.once('connect', resolve);
    // Stays for the client's life: an error without a listener would end the process, and `close` follows each.
    client.on('error', (error) => {
      lastError = error;
      reject(error);
    });
    client.once('close', () => {
      reject(lastError ?? new Error('the connection closed before the broker answered'));
    });
  });
}
