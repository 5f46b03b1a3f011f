import t from 'tap';
import {
  createEvent,
  EVENT_IP,
  VERDICT_ALLOWED,
  VERDICT_OBSERVED,
  VERDICT_WOULD_REFUSE,
  type DetectEvent,
} from '../../../agent/detect/event.js';
import { createAddressTable } from '../../../agent/detect/address-table.js';
import { createDetection } from '../../../agent/detect/registry.js';
import { detectSettings } from '../../../agent/detect/settings.js';
import { detectorBit, detectorsThat, verdictOf } from '../../../agent/detect/verdict.js';

const START = 1_800_000_000_000;

t.test('a finding refuses only where its detector may, and never what is essential', (t) => {
  const scan = detectorBit('portScan');
  const peer = detectorBit('unfamiliarPeer');
  const refusal = (detector: string) => ({ verdict: 'refuse', reason: 'detector', detector });
  const pass = { verdict: 'pass' };
  const cases = [
    { what: 'no finding', touched: 0, refusing: scan, expected: pass },
    { what: 'a finding that is only told', touched: scan, refusing: peer, expected: pass },
    { what: 'a finding that may refuse', touched: scan, refusing: scan, expected: refusal('portScan') },
    { what: 'an essential entry', touched: scan, refusing: scan, isEssential: true, expected: pass },
    { what: 'a new peer that an entry names', touched: peer, refusing: peer, expected: pass },
    {
      what: 'a new peer that no entry names',
      touched: peer,
      refusing: peer,
      verdict: VERDICT_WOULD_REFUSE,
      expected: refusal('unfamiliarPeer'),
    },
    { what: 'one of two may', touched: scan | peer, refusing: scan, expected: refusal('portScan') },
  ];
  for (const { what, touched, refusing, isEssential = false, verdict = VERDICT_ALLOWED, expected } of cases)
    t.same(verdictOf({ ...createEvent(), verdict }, touched, refusing, isEssential), expected, what);
  t.end();
});

t.test('actions of the settings become sets of detectors', (t) => {
  const settings = detectSettings.parse({ portScan: { action: 'refuse' }, hostSweep: { action: 'contain' } });
  t.equal(detectorsThat('refuse', settings), detectorBit('portScan'));
  t.equal(detectorsThat('contain', settings), detectorBit('hostSweep'));
  t.end();
});

t.test('what is touched is what the last event belongs to', (t) => {
  const addresses = createAddressTable();
  const settings = detectSettings.parse({
    portScan: { ports: 3 },
    unfamiliarPeer: { learnSeconds: 0, action: 'refuse' },
  });
  const detection = createDetection(settings, {
    addresses,
    describe: () => ({ name: 'pump-1', mac: null }),
  });
  const feed = (to: number, port: number, verdict = VERDICT_ALLOWED): number => {
    const event: DetectEvent = {
      ...createEvent(),
      kind: EVENT_IP,
      deviceId: 2,
      fromDevice: true,
      family: 4,
      local: addresses.intern(4, 0x0a4d000a, 0, 0, 0),
      peer: addresses.intern(4, to, 0, 0, 0),
      protocol: 6,
      srcPort: 40_000,
      port,
      tcpFlags: 2,
      verdict,
    };
    detection.observe(event, START + port);
    return detection.touched;
  };
  const both = detectorBit('portScan') | detectorBit('unfamiliarPeer');
  t.equal(feed(0x0a4d0001, 1) & both, detectorBit('unfamiliarPeer'), 'a peer seen for the first time');
  t.equal(feed(0x0a4d0001, 2) & both, 0, 'allowed by an entry: familiar from now on');
  t.equal(feed(0x0a4d0001, 3) & both, detectorBit('portScan'), 'the third port is a scan');
  t.equal(feed(0x0a4d0002, 1) & both, detectorBit('unfamiliarPeer'), 'another peer is not');
  for (const port of [10, 11])
    t.equal(
      feed(0x0a4d0003, port, VERDICT_OBSERVED) & both,
      detectorBit('unfamiliarPeer'),
      'refused, a peer stays unfamiliar',
    );
  t.end();
});
