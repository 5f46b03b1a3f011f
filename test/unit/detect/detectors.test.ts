import t from 'tap';
import { createAddressTable } from '../../../agent/detect/address-table.js';
import type { Detector } from '../../../agent/detect/detector.js';
import { createDetectors, observeFirstPacket, type Detectors } from '../../../agent/detect/detectors.js';
import { createEvent, EVENT_IP } from '../../../agent/detect/event.js';
import { Familiar } from '../../../agent/detect/familiar.js';
import { FindingBook } from '../../../agent/detect/finding-book.js';
import { detectSettings } from '../../../agent/detect/settings.js';

t.test(
  'first packets go to every detector that looks at them, and to no other, in the order of all',
  async (t) => {
    const context = {
      addresses: createAddressTable(),
      describe: () => ({ name: null, mac: null }),
      book: new FindingBook(),
    };
    const settings = detectSettings.parse({ outlier: { enabled: true } });
    const familiar = { peers: new Familiar(1), services: new Familiar(1), networks: new Familiar(1) };
    const detectors = createDetectors(context, settings, familiar);
    const called: string[] = [];
    const noting = Object.fromEntries(
      Object.entries(detectors).map(([name, detector]): [string, Detector] => [
        name,
        { ...(detector as Detector), observe: () => called.push(name) },
      ]),
    ) as unknown as Detectors;
    observeFirstPacket(noting, createEvent(), 0);
    t.same(
      called,
      Object.entries(detectors)
        .filter(([, detector]) => detector !== null && (detector.kinds & (1 << EVENT_IP)) !== 0)
        .map(([name]) => name),
    );
  },
);
