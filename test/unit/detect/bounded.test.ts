import t from 'tap';
import { EVENT_ARP, EVENT_END, EVENT_IP, EVENT_PAYLOAD } from '../../../agent/detect/event.js';
import { countAllocations } from '../packet/count-allocations.js';
import { createScene, START } from './scene.js';

const room = new URL('../../../agent/detect/', import.meta.url).href;
/** What measuring costs, and a finding now and then. One number boxed per event would be 2.4 MB. */
const ALLOWED_BYTES = 512 * 1024;
const EVENTS = 200_000;

t.test('a flood of random everything is bounded: findings, memory, and what was not kept is counted', (t) => {
  const scene = createScene();
  let seed = 1;
  const random = (): number => (seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0) >>> 5;
  const kinds = [EVENT_IP, EVENT_ARP, EVENT_PAYLOAD, EVENT_END];
  const protocols = [6, 17, 1, 58, 132, 47, -1];
  for (let n = 0; n < 150_000; n += 1) {
    const bytes = new Uint8Array(random() % 64);
    scene.first(
      {
        kind: kinds[random() % 4] ?? EVENT_IP,
        deviceId: random() % 3 === 0 ? 1 : 1 + (random() % 5_000),
        fromDevice: random() % 2 === 0,
        at: random(),
        to: random(),
        protocol: protocols[random() % protocols.length] ?? 6,
        srcPort: (random() % 65_537) - 1,
        port: random() % 3 === 0 ? ([22, 445, 67, 68][random() % 4] ?? 22) : (random() % 65_537) - 1,
        tcpFlags: random() % 2 === 0 ? 2 : random() % 256,
        verdict: 1 + (random() % 4),
        reason: random() % 14,
        macHigh: (random() % 0x1000000) - 1,
        macLow: random() % 0x1000000,
        outcome: random() % 4,
        bytesOut: random(),
        bytesIn: random() % 3_000,
        packetsOut: random() % 50,
        packetsIn: random() % 50,
        durationMs: random() % 100_000,
        bytes,
        payloadLength: bytes.length,
      },
      START + n * 3,
    );
    if (n % 1_000 === 0) scene.tick(START + n * 3);
  }
  t.ok(scene.detection.open().length <= 1_024, `${scene.detection.open().length} open`);
  const counters = scene.detection.counters();
  for (const name of ['wormSpread', 'lateralContact', 'arpSpoof', 'connectionBurst'])
    t.ok((counters[`${name}.evicted`] ?? 0) > 0, `${name} counts what made room`);
  t.end();
});

const DETECTORS = [
  ['scan/port-scan', 'createPortScanDetector', 'portScan'],
  ['scan/host-sweep', 'createHostSweepDetector', 'hostSweep'],
  ['scan/failed-connections', 'createFailedConnectionsDetector', 'failedConnections'],
  ['habit/worm-spread', 'createWormSpreadDetector', 'wormSpread'],
  ['habit/connection-burst', 'createConnectionBurstDetector', 'connectionBurst'],
  ['guess/brute-force', 'createBruteForceDetector', 'bruteForce'],
  ['habit/lateral-contact', 'createLateralContactDetector', 'lateralContact'],
  ['identity/arp-spoof', 'createArpSpoofDetector', 'arpSpoof'],
  ['identity/rogue-server', 'createRogueServerDetector', 'rogueServer'],
  ['habit/device-silent', 'createDeviceSilentDetector', 'deviceSilent'],
  ['habit/beacon', 'createBeaconDetector', 'beacon'],
  ['names/dga', 'createDgaDetector', 'dga'],
  ['names/encrypted-dns', 'createEncryptedDnsDetector', 'encryptedDns'],
  ['habit/outlier', 'createOutlierDetector', 'outlier'],
] as const;

t.test(
  'events by the hundred thousand allocate nothing, whether they are about new hosts or old ones',
  (t) => {
    const setup = `
    import { createAddressTable } from '${room}address-table.js';
    import { createEvent } from '${room}event.js';
    import { FindingBook } from '${room}finding-book.js';
    import { detectSettings } from '${room}settings.js';
    ${DETECTORS.map(([file, create]) => `import { ${create} } from '${room}${file}.js';`).join('\n')}
    const addresses = createAddressTable();
    const book = new FindingBook();
    const context = { addresses, book, describe: (id) => ({ name: 'pump-' + id, mac: null }) };
    const settings = detectSettings.parse({});
    const detectors = [${DETECTORS.map(([, create, key]) => `${create}(context, settings.${key})`).join(', ')}];
    const event = createEvent();
    const kinds = [1, 2, 4, 5, 1];
    const ports = [104, 22, 445, 443, 68, 2575];
    event.family = 4;
    let nowMs = ${START};
    let index = 0;
    function run(count) {
      nowMs += 60_000;
      for (let i = 0; i < count; i++) {
        index = (index + 1) & 0xffffff;
        event.kind = kinds[index % 5];
        event.deviceId = 2 + (index % 600);
        event.fromDevice = index % 3 !== 0;
        event.local = addresses.intern(4, 0x0a4d0000 + (index % 600), 0, 0, 0);
        event.peer = addresses.intern(4, 0x0a4e0000 + (index % 3_000) * 256, 0, 0, 0);
        event.protocol = event.kind === 2 ? -1 : index % 4 === 0 ? 17 : 6;
        event.srcPort = event.kind === 2 ? -1 : 40_000;
        event.port = event.kind === 2 ? 1 : ports[index % 6];
        event.tcpFlags = 2;
        event.verdict = 1;
        event.macHigh = 0x1c42;
        event.macLow = index % 600;
        event.outcome = event.kind === 5 ? 1 + (index % 3) : 0;
        event.bytesOut = 1_000 + (index % 700);
        event.bytesIn = 100_000;
        event.packetsOut = 12;
        event.packetsIn = 14;
        event.durationMs = 900;
        for (const detector of detectors) detector.observe(event, nowMs);
      }
      for (const detector of detectors) detector.tick?.(nowMs);
      book.tick(nowMs);
      book.take();
    }
  `;
    const bytes = countAllocations(setup, EVENTS);
    t.ok(
      bytes < ALLOWED_BYTES,
      `${bytes} bytes for ${EVENTS} events at each of ${DETECTORS.length} detectors`,
    );
    t.end();
  },
);

t.test(
  'logins by the hundred thousand allocate nothing: forms, headers, Redis and SIP, refused or let in',
  (t) => {
    const setup = `
    import { createAddressTable } from '${room}address-table.js';
    import { createEvent } from '${room}event.js';
    import { FindingBook } from '${room}finding-book.js';
    import { detectSettings } from '${room}settings.js';
    import { createBruteForceDetector } from '${room}guess/brute-force.js';
    const addresses = createAddressTable();
    const book = new FindingBook();
    const context = { addresses, book, describe: (id) => ({ name: 'pump-' + id, mac: null }) };
    const detector = createBruteForceDetector(context, detectSettings.parse({}).bruteForce);
    const bytes = (text) => Uint8Array.from(Buffer.from('....' + text, 'latin1'));
    const said = [
      ['POST /login HTTP/1.1\\r\\n\\r\\nuser=a&password=0', 'HTTP/1.1 302 Found\\r\\n\\r\\n'],
      ['POST /login HTTP/1.1\\r\\n\\r\\n{"user":"a","password":"0"}', 'HTTP/1.1 401 No\\r\\n\\r\\n'],
      ['GET / HTTP/1.1\\r\\nAuthorization: Basic YTow\\r\\n\\r\\n', 'HTTP/1.1 200 OK\\r\\n\\r\\n'],
      ['*2\\r\\n$4\\r\\nAUTH\\r\\n$2\\r\\npw\\r\\n', '-WRONGPASS invalid username-password pair\\r\\n'],
      ['REGISTER sip:x SIP/2.0\\r\\n', 'SIP/2.0 401 Unauthorized\\r\\n'],
    ].map((words) => words.map(bytes));
    const ports = [80, 8080, 443, 6379, 5060];
    const event = createEvent();
    event.family = 4;
    event.protocol = 6;
    event.verdict = 1;
    event.payloadOffset = 4;
    let nowMs = ${START};
    let index = 0;
    function run(count) {
      nowMs += 60_000;
      for (let i = 0; i < count; i++) {
        index = (index + 1) & 0xffffff;
        const kind = index % 4;
        const what = (index >> 2) % 5;
        event.kind = kind === 0 || kind === 1 ? 4 : kind === 2 ? 6 : 5;
        event.isReply = kind === 1;
        event.bytes = said[what][kind === 1 ? 1 : 0];
        event.payloadLength = event.bytes.length - 4;
        if (kind === 0) event.bytes[event.bytes.length - 3] = 0x61 + (index % 20);
        event.deviceId = 2 + ((index >> 2) % 600);
        event.local = addresses.intern(4, 0x0a4d0000 + ((index >> 2) % 600), 0, 0, 0);
        event.peer = addresses.intern(4, 0x0a4e0000 + ((index >> 2) % 3_000) * 256, 0, 0, 0);
        event.srcPort = 40_000 + ((index >> 2) % 500);
        event.port = ports[what];
        event.outcome = kind === 3 ? 3 : 0;
        event.bytesOut = 4_000;
        event.bytesIn = 5_000;
        event.packetsOut = 52;
        event.packetsIn = 54;
        event.durationMs = 9_000;
        detector.observe(event, nowMs);
      }
      detector.tick(nowMs);
      book.tick(nowMs);
      book.take();
    }
  `;
    const bytes = countAllocations(setup, EVENTS);
    t.ok(bytes < ALLOWED_BYTES, `${bytes} bytes for ${EVENTS} events`);
    t.end();
  },
);
