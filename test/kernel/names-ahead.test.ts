import './support/in-own-namespace.js';
import t from 'tap';
import { NameLab } from '../../agent/lab/name-lab.js';
import { looksUpAhead } from './support/name-tests.js';

const lab = await NameLab.create('bridge', t.testdir());
t.teardown(() => lab.close());
await lab.isInline();
looksUpAhead(t, lab);
