import '../kernel/support/in-own-namespace.js';
import t from 'tap';
import { recognises } from './recognises.js';

await recognises(t, 'inline');
