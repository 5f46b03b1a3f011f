import './support/in-own-namespace.js';
import t from 'tap';
import { InlineLab } from './support/inline-lab.js';
import {
  endsInOrder,
  holdsAndReleases,
  isGuarded,
  outlivesAFlood,
  outlivesAHang,
  outlivesItsListener,
  refusesByVerdict,
} from './support/inline-tests.js';

const inline = await InlineLab.create('router');
t.teardown(() => inline.close());

if ((await inline.status()).inspection.how === null) {
  const why = (await inline.status()).inspection.why ?? '';
  t.comment(`NOTICE: *** inline inspection was NOT TESTED: ${why} ***`);
} else {
  await inline.isInline();
  holdsAndReleases(t, inline);
  refusesByVerdict(t, inline);
  outlivesItsListener(t, inline);
  outlivesAHang(t, inline);
  outlivesAFlood(t, inline);
  isGuarded(t, inline);
  endsInOrder(t, inline);
}
