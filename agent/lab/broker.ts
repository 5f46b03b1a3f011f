/**
 * A real Mosquitto as the hospital would run it: TLS 1.2 or later, client certificates, one ACL pattern for all boxes. And
 * a subscriber that remembers what arrived.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Certificates } from './certificates.js';
import { waitFor, type Namespace, type Running } from './namespace.js';

export const BROKER_PORT = 8883;
/** Reads everything, writes nothing: the operator's side. */
export const READER = 'lab-reader';
/** May say what boxes are to be; what it says counts by its signature. */
export const OPERATOR = 'lab-operator';

export interface Delivered {
  readonly topic: string;
  readonly payload: unknown;
}

export async function startBroker(
  host: Namespace,
  address: string,
  dir: string,
  certificates: Certificates,
): Promise<Running> {
  await mkdir(join(dir, 'broker'), { recursive: true });
  const acl = join(dir, 'broker', 'acl');
  await writeFile(
    acl,
    `pattern readwrite cordon/v1/%u/#\nuser ${READER}\ntopic read #\nuser ${OPERATOR}\ntopic write cordon/v1/+/desired/#\n`,
    { mode: 0o600 },
  );
  const config = join(dir, 'broker', 'mosquitto.conf');
  await writeFile(
    config,
    `listener ${BROKER_PORT} ${address}
cafile ${certificates.caFile}
certfile ${certificates.certFile('server')}
keyfile ${certificates.keyFile('server')}
require_certificate true
use_identity_as_username true
acl_file ${acl}
persistence true
persistence_location ${join(dir, 'broker')}/
user root
`,
  );
  const broker = await host.start(['mosquitto', '-c', config]);
  await host.listensOn(BROKER_PORT);
  return broker;
}

export interface Subscriber {
  readonly all: () => readonly Delivered[];
  /** Resolves to the first that fits, also one that came before; rejects after `timeoutMs`. */
  arrived(topicEnd: string, fits: (payload: unknown) => boolean, timeoutMs: number): Promise<Delivered>;
}

export async function subscribe(
  host: Namespace,
  address: string,
  certificates: Certificates,
): Promise<Subscriber> {
  const client = await host.start(
    [
      'stdbuf',
      '-oL',
      'mosquitto_sub',
      '-V',
      '5',
      '-h',
      address,
      '-p',
      String(BROKER_PORT),
      '--cafile',
      certificates.caFile,
      '--cert',
      certificates.certFile(READER),
      '--key',
      certificates.keyFile(READER),
      '-q',
      '1',
      '-t',
      'cordon/#',
      '-F',
      '%t %p',
      '-d',
    ],
    { readyWhen: /Subscribed/ },
  );
  const all = (): readonly Delivered[] =>
    client
      .output()
      .split('\n')
      .flatMap((line) => parse(line));
  return {
    all,
    async arrived(topicEnd, fits, timeoutMs) {
      let found: Delivered | undefined;
      await waitFor(
        () =>
          (found = all().find(({ topic, payload }) => topic.endsWith(topicEnd) && fits(payload))) !==
          undefined,
        client.ended,
        () => `no ${topicEnd} that fits among ${all().length} messages`,
        timeoutMs,
      );
      if (!found) throw new Error('unreachable: waitFor resolved without a message');
      return found;
    },
  };
}

function parse(line: string): readonly Delivered[] {
  const match = /^(cordon\/\S+) (\{.*\})$/.exec(line);
  if (match?.[1] === undefined || match[2] === undefined) return [];
  try {
    return [{ topic: match[1], payload: JSON.parse(match[2]) as unknown }];
  } catch {
    return [];
  }
}
