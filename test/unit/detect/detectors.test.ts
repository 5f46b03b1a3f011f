import t from 'tap';
import { createAddressTable } from '../../../agent/detect/address-table.js';
import type { Detector } from '../../../agent/detect/detector.js';
import {
  createDetectors,
  observeEnd,
  observeFirstPacket,
  observePayload,
  type Detectors,
} from '../../../agent/detect/detectors.js';
import { createEvent, SEES_END, SEES_IP, SEES_PAYLOAD } from '../../../agent/detect/event.js';
import { Familiar } from '../../../agent/detect/habit/familiar.js';
import { FindingBook } from '../../../agent/detect/finding-book.js';
import { detectSettings } from '../../../agent/detect/settings.js';

t.test('events go to every detector that looks at them, and to no other, in the order of all', async (t) => {
  const context = {
    addresses: createAddressTable(),
    describe: () => ({ name: null, mac: null }),
    book: new FindingBook(),
  };
  const settings = detectSettings.parse({ outlier: { enabled: true } });
  const familiar = { peers: new Familiar(1), services: new Familiar(1), networks: new Familiar(1) };
  const detectors = createDetectors(context, settings, familiar);
  let called: string[] = [];
  const noting = Object.fromEntries(
    Object.entries(detectors).map(([name, detector]): [string, Detector] => [
      name,
      { ...(detector as Detector), observe: () => called.push(name) },
    ]),
  ) as unknown as Detectors;
  for (const [observe, bit] of [
    [observeFirstPacket, SEES_IP],
    [observePayload, SEES_PAYLOAD],
    [observeEnd, SEES_END],
  ] as const) {
    called = [];
    observe(noting, createEvent(), 0);
    t.same(
      called,
      Object.entries(detectors)
        .filter(([, detector]) => detector !== null && (detector.kinds & bit) !== 0)
        .map(([name]) => name),
      observe.name,
    );
  }
});
