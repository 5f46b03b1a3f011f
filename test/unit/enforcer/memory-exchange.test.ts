import t from 'tap';
import { restoreMemories, takeMemories } from '../../../agent/enforcer/memory-exchange.js';
import { eventMessage, requests } from '../../../agent/messages/enforcer-messages.js';
import { createScene, START } from '../detect/scene.js';

t.test(
  'what is taken fits its messages, in portions, and what another version wrote is not given back',
  (t) => {
    const before = createScene();
    for (let device = 2; device < 602; device += 1)
      before.first({ deviceId: device, port: 104, at: 0x0a4d0000 + device }, START);
    const events = takeMemories(before.detection);
    t.ok(events.length > 1);
    for (const event of events) t.ok(eventMessage.safeParse(event).success);
    const items = events.flatMap((event) => (event.event === 'memories' ? event.items : []));
    const after = createScene();
    t.equal(restoreMemories(after.detection, items, START), items.length);
    t.equal(
      restoreMemories(
        after.detection,
        items.map((item) => ({ ...item, version: 2 })),
        START,
      ),
      0,
    );
    t.notOk(
      requests['memories.restore'].params.safeParse({ items: [{ ...items[0], values: [Number.NaN] }] })
        .success,
    );
    t.end();
  },
);
