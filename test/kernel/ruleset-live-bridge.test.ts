import './support/in-own-namespace.js';
import t from 'tap';
import {
  containment,
  cut,
  cutBetweenDevices,
  errorsOfEssential,
  firstData,
  lenientConnections,
  refill,
} from './support/live-tests.js';
import { boxOrders, losesNothing, ordersOfTwoLengths } from './support/order-tests.js';
import { serveEcho } from './support/streams.js';
import { UNLISTED, wardPolicy } from './support/verdict-probes.js';
import { KernelLog } from './support/verdicts.js';
import { Ward } from './support/ward.js';

const ward = await Ward.create('bridge');
const log = new KernelLog();
t.teardown(async () => {
  log.stop();
  await ward.close();
});
await ward.load(wardPolicy(ward));
await serveEcho(ward, 'hospital', [104, 8080, UNLISTED]);
await serveEcho(ward, 'pump', [2575, 2576]);
await serveEcho(ward, 'monitor', [6000]);

firstData(t, ward, log);
lenientConnections(t, ward, log);
containment(t, ward, log);
errorsOfEssential(t, ward, log);
cut(t, ward, log);
cutBetweenDevices(t, ward, log);
boxOrders(t, ward, log);
ordersOfTwoLengths(t, ward);
losesNothing(t, ward);
refill(t, ward);
