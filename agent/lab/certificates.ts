/**
 * Throw-away certificates for the lab's broker and its clients, by openssl: P-256, a month (a test lets a week pass). Never for a real site.
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { must } from './namespace.js';

const KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
const DAYS = ['-days', '31'];

export interface Certificates {
  readonly caFile: string;
  certFile(name: string): string;
  keyFile(name: string): string;
}

/** `names` are common names of clients; `serverAddresses` go into the broker's certificate (`server`). Needs openssl. */
export async function createCertificates(
  dir: string,
  names: readonly string[],
  serverAddresses: readonly string[],
): Promise<Certificates> {
  const file = (name: string): string => join(dir, name);
  await must([
    'openssl',
    'req',
    '-x509',
    ...KEY,
    ...DAYS,
    '-subj',
    '/CN=Cordon lab CA',
    '-keyout',
    file('ca.key'),
    '-out',
    file('ca.pem'),
  ]);
  await writeFile(
    file('server.ext'),
    `subjectAltName=${serverAddresses.map((each) => `IP:${each}`).join(',')}\n`,
  );
  await writeFile(file('client.ext'), 'extendedKeyUsage=clientAuth\n');
  for (const name of ['server', ...names]) {
    await must([
      'openssl',
      'req',
      ...KEY,
      '-subj',
      `/CN=${name}`,
      '-keyout',
      file(`${name}.key`),
      '-out',
      file(`${name}.csr`),
    ]);
    const extensions = file(name === 'server' ? 'server.ext' : 'client.ext');
    await must([
      'openssl',
      'x509',
      '-req',
      ...DAYS,
      '-in',
      file(`${name}.csr`),
      '-CA',
      file('ca.pem'),
      '-CAkey',
      file('ca.key'),
      '-CAcreateserial',
      '-extfile',
      extensions,
      '-out',
      file(`${name}.pem`),
    ]);
  }
  return {
    caFile: file('ca.pem'),
    certFile: (name) => file(`${name}.pem`),
    keyFile: (name) => file(`${name}.key`),
  };
}
