import './support/in-own-namespace.js';
import t from 'tap';
import { NameLab } from '../../agent/lab/name-lab.js';
import {
  believesResolversOnly,
  explains,
  losesNoFirstPacket,
  outlivesTheEnforcer,
  permitsWhatIsAnswered,
  survivesContainment,
} from './support/name-tests.js';

const lab = await NameLab.create('bridge', t.testdir());
t.teardown(() => lab.close());
await lab.isInline();
permitsWhatIsAnswered(t, lab);
explains(t, lab);
losesNoFirstPacket(t, lab);
believesResolversOnly(t, lab);
survivesContainment(t, lab);
outlivesTheEnforcer(t, lab);
