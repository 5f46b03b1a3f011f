/**
 * The main job, step by step, on real traffic: each step says what was expected and what was observed. Run by
 * agent/cli/demo.ts, and by a test. A step that throws has failed; the next ones still run.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { RefusalRow } from '../messages/agent-messages.js';
import type { ContainmentPreview } from '../messages/enforcer-messages.js';
import type { Subscriber } from './broker.js';
import { askNtp, sendHl7, storeImage, streamHl7, type DicomServer } from './clinical.js';
import { waitFor, type Running } from './namespace.js';
import { HOSPITAL, OUTSIDE, PUMP, SWEPT, type NetworkLab } from './network-lab.js';
import type { LabBox } from './lab-box.js';
import { watchFrames } from './watch-frames.js';

const DOWNLOAD_PORT = 8080;
const EVENT_TIMEOUT_MS = 15_000;
const NEVER: Promise<unknown> = new Promise(() => undefined);

export interface DemoScene {
  readonly lab: NetworkLab;
  readonly box: LabBox;
  readonly broker: Subscriber;
  readonly dicom: DicomServer;
  readonly dicomFile: string;
  readonly outsideWeb: Running;
  readonly hospitalWeb: Running;
  readonly dir: string;
  readonly policyFile: string;
}

export interface Observed {
  readonly observed: string;
  readonly pass: boolean;
}

export interface DemoStep {
  readonly step: string;
  readonly expected: string;
  readonly run: (scene: DemoScene) => Promise<Observed>;
}

export const DEMO_STEPS: readonly DemoStep[] = [
  {
    step: 'the policy is applied and confirmed',
    expected: 'in force in the kernel; event 5019 at the broker',
    run: applyPolicy,
  },
  {
    step: 'DICOM: the pump stores an image (storescu to storescp)',
    expected: 'passes; one file more in the PACS',
    run: storeDicom,
  },
  { step: 'HL7 over MLLP, IPv4 and IPv6', expected: 'passes; every message acknowledged', run: exchangeHl7 },
  { step: 'NTP: the pump asks for the time (chrony)', expected: 'passes; a server answers', run: askTime },
  {
    step: 'the pump calls a web server outside',
    expected: 'refused; the server sees nothing; event 4001 at the broker',
    run: callOutside,
  },
  {
    step: 'nmap on the pump sweeps the hospital',
    expected: 'refused; recognised and named; event 2004 at the broker',
    run: sweepFromPump,
  },
  {
    step: 'somebody in the hospital scans the pump (nmap)',
    expected: 'refused; recognised and named; event 2004 at the broker',
    run: scanPump,
  },
  {
    step: 'the pump sends from an address that is not its own',
    expected: 'dropped, nothing arrives; reported; event 2004 at the broker',
    run: spoof,
  },
  {
    step: 'cordon contain pump-1, during a download and HL7',
    expected:
      'foretold by --dry-run; the download stops at once; HL7, essential, goes on; event 7001 at the broker',
    run: contain,
  },
  {
    step: 'cordon release pump-1',
    expected: 'the download works again; event 7001 at the broker',
    run: release,
  },
  { step: 'the counters', expected: 'what was refused is counted, and nothing was lost', run: readCounters },
];

async function applyPolicy({ box, broker, policyFile }: DemoScene): Promise<Observed> {
  const applied = await box.cordon('policy', 'apply', policyFile, '--confirm-within', '60');
  const confirmed = await box.cordon('policy', 'confirm');
  const event = await broker.arrived(
    '/evt/5019',
    (payload) => mentions(payload, 'policy-confirmed'),
    EVENT_TIMEOUT_MS,
  );
  return {
    observed: `${lastLine(confirmed.stdout || confirmed.stderr || applied.stderr)} ${event.topic}`,
    pass: applied.code === 0 && confirmed.code === 0,
  };
}

async function storeDicom({ lab, dicom, dicomFile }: DemoScene): Promise<Observed> {
  const before = await dicom.stored();
  const ran = await storeImage(lab.pump, HOSPITAL[0], dicomFile);
  const stored = (await dicom.stored()) - before;
  return {
    observed: `storescu exit ${ran.code ?? 'killed'} in ${ran.tookMs} ms, ${stored} file stored`,
    pass: ran.code === 0 && stored === 1,
  };
}

async function exchangeHl7({ lab }: DemoScene): Promise<Observed> {
  const counts: string[] = [];
  let pass = true;
  for (const address of HOSPITAL) {
    const ran = await sendHl7(lab.pump, address, 5, 20);
    const acknowledged = acknowledgements(ran.stdout);
    counts.push(`${acknowledged} of 5 by ${address}`);
    pass &&= ran.code === 0 && acknowledged === 5;
  }
  return { observed: `acknowledged ${counts.join(', ')}`, pass };
}

async function askTime({ lab, dir }: DemoScene): Promise<Observed> {
  const ran = await askNtp(lab.pump, HOSPITAL[0], dir);
  const offset = /System clock wrong by (\S+ seconds)/.exec(ran.stderr + ran.stdout)?.[1];
  return {
    observed:
      offset === undefined ? `no answer (exit ${ran.code ?? 'killed'})` : `answered, offset ${offset}`,
    pass: ran.code === 0 && offset !== undefined,
  };
}

async function callOutside({ lab, outsideWeb, broker }: DemoScene): Promise<Observed> {
  const codes: string[] = [];
  for (const address of OUTSIDE) {
    const url = `http://${address.includes(':') ? `[${address}]` : address}/`;
    const ran = await lab.pump.run(['curl', '--silent', '--show-error', '--max-time', '2', url]);
    codes.push(`curl ${address}: exit ${ran.code ?? 'killed'}`);
  }
  const requests = countOf(outsideWeb.output(), /^request /gm);
  const event = await broker.arrived(
    '/evt/4001',
    (payload) => mentions(payload, OUTSIDE[0]) && mentions(payload, 'pump-1'),
    EVENT_TIMEOUT_MS,
  );
  // 28: timed out (curl's own numbering).
  return {
    observed: `${codes.join(', ')}; ${requests} requests seen outside; ${event.topic}`,
    pass: codes.every((text) => text.endsWith('exit 28')) && requests === 0,
  };
}

async function sweepFromPump({ lab, broker, box }: DemoScene): Promise<Observed> {
  const scan = [
    'nmap',
    '-n',
    '-Pn',
    '-sS',
    '-T4',
    '--max-retries',
    '0',
    '--host-timeout',
    '20s',
    '-p',
    '22,80,443,445,3389,5900',
    ...SWEPT,
  ];
  const ran = await lab.pump.run(scan, { timeoutMs: 30_000 });
  const open = countOf(ran.stdout, /\/tcp\s+(open|closed)/g);
  const event = await broker.arrived(
    '/evt/2004',
    (payload) => mentions(payload, 'hostSweep') && mentions(payload, 'pump-1'),
    EVENT_TIMEOUT_MS,
  );
  const named = await box.cordon('findings', '--json');
  return {
    observed: `${open} ports answered; ${titleOf(event.payload)}; ${event.topic}`,
    pass: ran.code === 0 && open === 0 && named.stdout.includes('hostSweep'),
  };
}

async function scanPump({ lab, broker }: DemoScene): Promise<Observed> {
  const target = PUMP[lab.mode][0];
  const ran = await lab.hospital.run(
    ['nmap', '-n', '-Pn', '-sS', '-T4', '--max-retries', '0', '-p', '1-100', target],
    { timeoutMs: 30_000 },
  );
  const open = countOf(ran.stdout, /\/tcp\s+(open|closed)/g);
  const event = await broker.arrived(
    '/evt/2004',
    (payload) =>
      mentions(payload, 'portScan') && mentions(payload, HOSPITAL[0]) && mentions(payload, 'scanned-by'),
    EVENT_TIMEOUT_MS,
  );
  return {
    observed: `${open} ports answered; ${titleOf(event.payload)}; ${event.topic}`,
    pass: ran.code === 0 && open === 0,
  };
}

async function spoof({ lab, broker }: DemoScene): Promise<Observed> {
  const forged = `${PUMP[lab.mode][0].slice(0, -2)}66`;
  const watcher = await watchFrames(lab.hospital);
  await lab.pump.ip(`addr add ${forged}/24 dev eth0`);
  const ran = await lab.pump.run(['ping', '-c', '3', '-i', '0.2', '-W', '1', '-I', forged, HOSPITAL[0]]);
  await lab.pump.ip(`addr del ${forged}/24 dev eth0`);
  const event = await broker.arrived(
    '/evt/2004',
    (payload) => mentions(payload, 'spoofing') && mentions(payload, forged),
    EVENT_TIMEOUT_MS,
  );
  const arrived = watcher.frames().filter((frame) => isIpv4From(frame, forged)).length;
  await watcher.stop();
  return {
    observed: `ping exit ${ran.code ?? 'killed'}, ${arrived} packets arrived; ${titleOf(event.payload)}; ${event.topic}`,
    pass: ran.code !== 0 && arrived === 0,
  };
}

/** By ethertype and source address (RFC 894; RFC 791 section 3.1). */
function isIpv4From(frame: Buffer, address: string): boolean {
  return frame.readUInt16BE(12) === 0x0800 && frame.subarray(26, 30).join('.') === address;
}

async function contain({ lab, box, broker }: DemoScene): Promise<Observed> {
  const download = await lab.pump.start([
    'curl',
    '--silent',
    '--no-buffer',
    '--output',
    '/dev/null',
    '--write-out',
    '%{size_download}',
    '--max-time',
    '60',
    `http://${HOSPITAL[0]}:${DOWNLOAD_PORT}/slow`,
  ]);
  const hl7 = await streamHl7(lab.pump, HOSPITAL[0], 100);
  const received = (): Promise<number> => bytesReceived(lab);
  await waitFor(
    async () => (await received()) > 500_000,
    download.ended,
    () => 'the download did not start',
  );
  const acknowledgedBefore = acknowledgements(hl7.output());
  const order = ['contain', 'pump-1', '--reason', 'demo: the device behaves oddly', '--by', 'demo'];
  const dryRun = JSON.parse((await box.cordon(...order, '--dry-run', '--json')).stdout) as ContainmentPreview;
  const foretold =
    dryRun.stops.some(({ port }) => port === DOWNLOAD_PORT) &&
    dryRun.goesOn.length > 0 &&
    !dryRun.goesOn.some(({ port }) => port === DOWNLOAD_PORT);
  const ran = await box.cordon(...order);
  const event = await broker.arrived('/evt/7001', (payload) => mentions(payload, 'pump-1'), EVENT_TIMEOUT_MS);
  await delay(300);
  const before = await received();
  await delay(1500);
  // HL7 itself is a few hundred bytes a message.
  const crept = (await received()) - before;
  const acknowledged = acknowledgements(hl7.output()) - acknowledgedBefore;
  await hl7.stop();
  await download.stop();
  const again = await lab.pump.run([
    'curl',
    '--silent',
    '--max-time',
    '1',
    `http://${HOSPITAL[0]}:${DOWNLOAD_PORT}/`,
  ]);
  return {
    observed: `--dry-run: ${dryRun.stopsTotal} would stop, ${dryRun.goesOnTotal} go on. ${lastLine(ran.stdout)} The download got ${crept} bytes more in 1.5 s, HL7 ${acknowledged} acknowledgements; a new download: curl exit ${again.code ?? 'killed'}; ${event.topic}`,
    pass: foretold && ran.code === 0 && crept < 50_000 && acknowledged >= 8 && again.code === 28,
  };
}

async function release({ lab, box, broker }: DemoScene): Promise<Observed> {
  const before = broker.all().filter(({ topic }) => topic.endsWith('/evt/7001')).length;
  const ran = await box.cordon('release', 'pump-1', '--reason', 'demo: looked at', '--by', 'demo');
  const curl = await lab.pump.run([
    'curl',
    '--silent',
    '--max-time',
    '3',
    `http://${HOSPITAL[0]}:${DOWNLOAD_PORT}/`,
  ]);
  await waitFor(
    () => broker.all().filter(({ topic }) => topic.endsWith('/evt/7001')).length > before,
    NEVER,
    () => 'no second event 7001',
  );
  return {
    observed: `${lastLine(ran.stdout)} curl exit ${curl.code ?? 'killed'}: ${curl.stdout.trim()}`,
    pass: ran.code === 0 && curl.code === 0,
  };
}

async function readCounters({ box }: DemoScene): Promise<Observed> {
  const ran = await box.cordon('status', '--json');
  const status = JSON.parse(ran.stdout) as {
    enforcer?: { refused?: Record<string, { packets: number }>; dropped?: Record<string, number> };
  };
  const refused = Object.entries(status.enforcer?.refused ?? {}).filter(([, { packets }]) => packets > 0);
  const lost = Object.entries(status.enforcer?.dropped ?? {}).filter(([, count]) => count > 0);
  const text = refused.map(([reason, { packets }]) => `${reason} ${packets}`).join(', ');
  const has = (reason: string): boolean => refused.some(([name]) => name === reason);
  const stopped = await stoppedConnections(box);
  return {
    observed: `refused packets: ${text}; not kept: ${lost.map(([name, count]) => `${name} ${count}`).join(', ') || 'nothing'}; contained: ${stopped.join(', ')}`,
    pass:
      has('policy') &&
      has('spoofed-source') &&
      lost.length === 0 &&
      stopped.includes(`pump-1 to ${HOSPITAL[0]} port ${DOWNLOAD_PORT}`) &&
      stopped.every((connection) => connection.includes(HOSPITAL[0])),
  };
}

/** By who opened them, whichever end sent what was refused; what a server sends again once its connection is gone is its own. */
async function stoppedConnections(box: LabBox): Promise<readonly string[]> {
  const { stdout } = await box.cordon('refusals', '--json');
  const { rows } = JSON.parse(stdout) as { rows: RefusalRow[] };
  const contained = rows.filter(({ reason }) => reason === 'contained');
  return [
    ...new Set(
      contained.map(({ device, from, peer, port }) =>
        from === 'device' ? `${device} to ${peer} port ${port}` : `${peer} to ${device} port ${port}`,
      ),
    ),
  ];
}

async function bytesReceived(lab: NetworkLab): Promise<number> {
  return Number((await lab.pump.must(['cat', '/sys/class/net/eth0/statistics/rx_bytes'])).trim());
}

/** Distinct messages: the library calls back more than once for one acknowledgement. */
function acknowledgements(output: string): number {
  return new Set(output.match(/acknowledged AA \S+/g)).size;
}

function mentions(payload: unknown, text: string): boolean {
  return JSON.stringify(payload).includes(text);
}

function titleOf(payload: unknown): string {
  const title = /"title":"((?:[^"\\]|\\.)*)"/.exec(JSON.stringify(payload))?.[1];
  return title === undefined ? 'no title' : `"${title}"`;
}

function countOf(text: string, pattern: RegExp): number {
  return text.match(pattern)?.length ?? 0;
}

function lastLine(text: string): string {
  return text.trim().split('\n')[0] ?? '';
}
