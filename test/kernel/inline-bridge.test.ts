import './support/in-own-namespace.js';
import t from 'tap';
import { InlineLab } from './support/inline-lab.js';
import { holdsTagged, VLAN } from './support/inline-vlan.js';
import {
  endsInOrder,
  holdsAndReleases,
  isGuarded,
  outlivesAFlood,
  outlivesCopies,
  outlivesAHang,
  outlivesItsListener,
  refusesByVerdict,
} from './support/inline-tests.js';

const inline = await InlineLab.create('bridge', [`vlans: [${VLAN}]`]);
t.teardown(() => inline.close());

if ((await inline.status()).inspection.how === null) {
  const why = (await inline.status()).inspection.why ?? '';
  t.comment(`NOTICE: *** inline inspection was NOT TESTED: ${why} ***`);
} else {
  await inline.isInline();
  holdsAndReleases(t, inline);
  holdsTagged(t, inline);
  refusesByVerdict(t, inline);
  outlivesItsListener(t, inline);
  outlivesAHang(t, inline);
  outlivesAFlood(t, inline);
  outlivesCopies(t, inline);
  isGuarded(t, inline);
  endsInOrder(t, inline);
}
