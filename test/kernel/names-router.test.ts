import './support/in-own-namespace.js';
import t from 'tap';
import { NameLab } from '../../agent/lab/name-lab.js';
import { permitsWhatIsAnswered } from './support/name-tests.js';

const lab = await NameLab.create('router', t.testdir());
t.teardown(() => lab.close());
await lab.isInline();
permitsWhatIsAnswered(t, lab);
