import fc from 'fast-check';
import t from 'tap';
import { LineSplitter } from '../../../agent/ipc/lines.js';

t.test('lines come out whole, however the bytes were cut', (t) => {
  fc.assert(
    fc.property(
      fc.array(
        fc.string({ maxLength: 20 }).map((s) => s.replaceAll('\n', ' ')),
        { maxLength: 20 },
      ),
      fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 30 }),
      (lines, cuts) => {
        const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(''));
        const splitter = new LineSplitter(1000);
        const seen: string[] = [];
        let at = 0;
        for (let i = 0; at < bytes.length; i += 1) {
          const size = cuts[i % cuts.length] ?? 1;
          for (const line of splitter.push(bytes.subarray(at, at + size)).lines) seen.push(line.toString());
          at += size;
        }
        return (
          JSON.stringify(seen) ===
          JSON.stringify(Buffer.from(lines.join('\n')).toString().split('\n').slice(0, lines.length))
        );
      },
    ),
  );
  t.end();
});

t.test('a line of exactly the limit passes, one byte more does not, and the stream stays lost', (t) => {
  const splitter = new LineSplitter(4);
  t.same(splitter.push(Buffer.from('abcd\nab')).lines.map(String), ['abcd']);
  t.same(splitter.push(Buffer.from('cd\nok\nabcde')), {
    lines: [Buffer.from('abcd'), Buffer.from('ok')],
    isOverlong: true,
  });
  t.same(splitter.push(Buffer.from('\nok\n')), { lines: [], isOverlong: true });
  t.end();
});

t.test('a long line fed in small pieces costs linear time', (t) => {
  const piece = Buffer.alloc(64, 'x');
  const millisecondsFor = (pieces: number): number => {
    const splitter = new LineSplitter(Infinity);
    const start = performance.now();
    for (let i = 0; i < pieces; i += 1) splitter.push(piece);
    t.equal(splitter.push(Buffer.from('\n')).lines[0]?.length, pieces * 64);
    return performance.now() - start;
  };
  millisecondsFor(1000);
  const small = millisecondsFor(10_000);
  const large = millisecondsFor(160_000);
  // 16 times the bytes: linear is 16 times, quadratic 256.
  t.ok(large < Math.max(small, 2) * 100, `${small} ms, then ${large} ms`);
  t.end();
});
