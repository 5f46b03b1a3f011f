import fc from 'fast-check';
import t from 'tap';
import { escapeControls, escapeControlsKeepingLines, toJsonText } from '../../../agent/cli/escape.js';
import { controlsIn } from './run-cordon.js';

t.test('what a terminal would obey is written out', (t) => {
  const cases: readonly (readonly [string, string, string])[] = [
    ['an escape sequence', 'a\u001b[31mb', String.raw`a\x1b[31mb`],
    ['the one-byte CSI of ECMA-48', 'a\u009b31mb', String.raw`a\x9b31mb`],
    ['a bell and a backspace', '\u0007\u0008', String.raw`\x07\x08`],
    ['DEL', '\u007f', String.raw`\x7f`],
    ['a line feed and a carriage return', 'a\r\nb', String.raw`a\r\nb`],
    ['a right-to-left override', 'gpj.\u202eexe', String.raw`gpj.\u202eexe`],
    ['a bidirectional isolate', '\u2066x\u2069', String.raw`\u2066x\u2069`],
    ['a line separator', 'a\u2028b', String.raw`a\u2028b`],
    ['a zero-width space', 'pump\u200b-1', String.raw`pump\u200b-1`],
    ['a lone surrogate', 'a\ud800b', String.raw`a\ud800b`],
  ];
  for (const [name, text, escaped] of cases) t.equal(escapeControls(text), escaped, name);
  t.end();
});

t.test('what people write stays as it is', (t) => {
  for (const text of ['pump-1 → 10.0.0.1', 'Ärztehaus', '漢字', '👩‍⚕️', 'a\\b'])
    t.equal(escapeControls(text), text);
  t.end();
});

t.test('a document keeps its lines', (t) => {
  t.equal(escapeControlsKeepingLines('a\n\tb\r\u001b[2J'), 'a\n\tb' + String.raw`\r\x1b[2J`);
  t.end();
});

t.test('JSON says the same after it was made fit for a terminal', (t) => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      return JSON.stringify(JSON.parse(toJsonText(value))) === JSON.stringify(value);
    }),
    { numRuns: 200 },
  );
  const text = toJsonText({ title: 'a\u009b2J\u007f\u202e\u001b\nb' }, 2);
  t.same(controlsIn(text), []);
  t.same(JSON.parse(text), { title: 'a\u009b2J\u007f\u202e\u001b\nb' });
  t.end();
});
