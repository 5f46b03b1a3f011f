import './support/in-own-namespace.js';
import t from 'tap';
import { NameLab } from '../../agent/lab/name-lab.js';
import { permitsInTap, permitsWithoutQueue } from './support/name-tap-tests.js';
import { believesResolversOnly } from './support/name-tests.js';

const lab = await NameLab.create('bridge', t.testdir(), 'tap');
t.teardown(() => lab.close());
permitsInTap(t, lab);
believesResolversOnly(t, lab);
permitsWithoutQueue(t, lab);
