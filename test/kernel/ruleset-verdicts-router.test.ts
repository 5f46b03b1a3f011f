import './support/in-own-namespace.js';
import t from 'tap';
import { wardPolicy } from './support/verdict-probes.js';
import { lenientVerdicts, oneWay, redirects, verdicts } from './support/verdict-tests.js';
import { KernelLog } from './support/verdicts.js';
import { Ward } from './support/ward.js';

const ward = await Ward.create('router');
const log = new KernelLog();
t.teardown(async () => {
  log.stop();
  await ward.close();
});
await ward.load(wardPolicy(ward));

verdicts(t, ward, log);
oneWay(t, ward, log);
redirects(t, ward, log);
lenientVerdicts(t, ward, log);
