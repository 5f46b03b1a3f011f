/**
 * What clinical devices say, by clients and servers that nobody here wrote: DICOM (DCMTK), HL7 v2 over MLLP (from npm), NTP
 * (chrony), and a web server.
 */
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { must, type Namespace, type Ran, type Running } from './namespace.js';

export const DICOM_PORT = 104;
export const NTP_PORT = 123;

/** A Secondary Capture of 8 x 8 grey pixels, as dump2dcm reads it (PS3.3 A.8.1). The patient is nobody. */
const DICOM_DUMP = `(0008,0016) UI =SecondaryCaptureImageStorage
(0008,0018) UI [1.2.826.0.1.3680043.10.1.1]
(0008,0060) CS [OT]
(0010,0010) PN [LAB^NOBODY]
(0010,0020) LO [LAB0]
(0020,000d) UI [1.2.826.0.1.3680043.10.1.2]
(0020,000e) UI [1.2.826.0.1.3680043.10.1.3]
(0028,0002) US 1
(0028,0004) CS [MONOCHROME2]
(0028,0010) US 8
(0028,0011) US 8
(0028,0100) US 8
(0028,0101) US 8
(0028,0102) US 7
(0028,0103) US 0
(7fe0,0010) OB ${Array.from({ length: 64 }, () => '7f').join('\\')}
`;

export async function makeDicomFile(dir: string): Promise<string> {
  const dump = join(dir, 'image.dump');
  const file = join(dir, 'image.dcm');
  await writeFile(dump, DICOM_DUMP);
  await must(['dump2dcm', '+te', dump, file]);
  return file;
}

export interface DicomServer {
  readonly running: Running;
  stored(): Promise<number>;
}

export async function startDicomServer(host: Namespace, dir: string): Promise<DicomServer> {
  const store = join(dir, 'pacs');
  await mkdir(store, { recursive: true });
  const running = await host.start([
    'storescp',
    '--output-directory',
    store,
    '-aet',
    'PACS',
    String(DICOM_PORT),
  ]);
  await host.listensOn(DICOM_PORT);
  return { running, stored: async () => (await readdir(store)).length };
}

export function storeImage(host: Namespace, address: string, file: string): Promise<Ran> {
  return host.run([
    'storescu',
    '-to',
    '5',
    '-ta',
    '5',
    '-td',
    '5',
    '-aet',
    'PUMP1',
    '-aec',
    'PACS',
    address,
    String(DICOM_PORT),
    file,
  ]);
}

export function startHl7Server(host: Namespace, address: string): Promise<Running> {
  return host.start([process.execPath, script('hl7-listener.js'), address], { readyWhen: /listening/ });
}

/** `count` messages, one every `pauseMs`. */
export function sendHl7(host: Namespace, address: string, count: number, pauseMs = 100): Promise<Ran> {
  return host.run([process.execPath, script('hl7-sender.js'), address, String(count), String(pauseMs)]);
}

export function streamHl7(host: Namespace, address: string, pauseMs: number): Promise<Running> {
  return host.start([process.execPath, script('hl7-sender.js'), address, '0', String(pauseMs)], {
    readyWhen: /acknowledged AA/,
  });
}

/** Serves its own idea of the time (`-x`: it never touches this machine's clock). */
export async function startNtpServer(host: Namespace, dir: string): Promise<Running> {
  const config = join(dir, 'chrony.conf');
  await writeFile(
    config,
    `local stratum 8\nallow all\nport ${NTP_PORT}\ncmdport 0\npidfile ${join(dir, 'chronyd.pid')}\nbindcmdaddress /\n`,
  );
  const running = await host.start(['chronyd', '-x', '-d', '-u', 'root', '-f', config]);
  await host.listensOn(NTP_PORT, 'udp');
  return running;
}

/** Asks once, and leaves the clock alone (`-Q`). Exit status 0 when a server answered. */
export function askNtp(host: Namespace, address: string, dir: string): Promise<Ran> {
  return host.run(
    [
      'chronyd',
      '-Q',
      '-t',
      '6',
      '-u',
      'root',
      `pidfile ${join(dir, 'chronyc.pid')}`,
      'cmdport 0',
      `server ${address} iburst maxsamples 1`,
    ],
    { timeoutMs: 10_000 },
  );
}

export function startWebServer(host: Namespace, address: string, port: number): Promise<Running> {
  return host.start([process.execPath, script('web-server.js'), address, String(port)], {
    readyWhen: /listening/,
  });
}

function script(name: string): string {
  return fileURLToPath(new URL(`../../dist/lab/${name}`, import.meta.url));
}
