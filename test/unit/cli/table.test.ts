import t from 'tap';
import { renderTable, type Column } from '../../../agent/cli/table.js';
import { textWidth, truncate, wrap } from '../../../agent/cli/text-width.js';

interface Row {
  readonly name: string;
  readonly text: string;
  readonly count: number;
}

const columns: readonly Column<Row>[] = [
  { title: 'name', value: ({ name }) => name, shrinkTo: 6 },
  { title: 'text', value: ({ text }) => text, shrinkTo: 10 },
  { title: 'count', value: ({ count }) => String(count), align: 'right' },
  { title: 'spare', value: () => 'spare', leaveOut: 1 },
];

t.test('columns are as wide as their contents, numbers to the right', (t) => {
  t.same(
    renderTable(
      columns,
      [
        { name: 'pump-1', text: 'short', count: 7 },
        { name: 'p', text: 'a little longer', count: 1234 },
      ],
      80,
    ),
    [
      'NAME    TEXT             COUNT  SPARE',
      'pump-1  short                7  spare',
      'p       a little longer   1234  spare',
    ],
  );
  t.end();
});

t.test('a table without rows gives no lines', (t) => {
  t.same(renderTable(columns, [], 80), []);
  t.end();
});

t.test('no line is ever wider than asked', (t) => {
  const rows = [
    { name: 'a-device-with-a-long-name', text: 'x'.repeat(300), count: 123456789 },
    { name: '漢字'.repeat(20), text: '🚑 ambulance '.repeat(20), count: 0 },
    { name: '', text: 'e\u0301'.repeat(100), count: -1 },
  ];
  for (const width of [40, 60, 79, 80, 81, 120, 200])
    for (const line of renderTable(columns, rows, width))
      t.ok(textWidth(line) <= width, `${textWidth(line)} columns of ${width}: ${line}`);
  t.end();
});

t.test('the least important column goes before the others are lost', (t) => {
  const row = { name: 'pump-1', text: 'x'.repeat(100), count: 1 };
  t.match(renderTable(columns, [row], 60)[0], /SPARE/);
  const [head = '', line = ''] = renderTable(columns, [row], 26);
  t.notMatch(head, /SPARE/);
  t.match(line, /^pump-1 {2}x+… {2,}1$/);
  t.end();
});

t.test('without a limit everything is shown', (t) => {
  const [, line = ''] = renderTable(columns, [{ name: 'n', text: 'x'.repeat(500), count: 1 }], Infinity);
  t.match(line, 'x'.repeat(500));
  t.end();
});

t.test('an empty cell is a dash, so that columns can be counted', (t) => {
  t.match(renderTable(columns, [{ name: '', text: 'a', count: 1 }], 80)[1], /^- +a +1 {2}spare$/);
  t.end();
});

t.test('an escape sequence in a cell is shown, not obeyed', (t) => {
  const [, line = ''] = renderTable(columns, [{ name: '\u001b[2Jx', text: 'a\nb', count: 1 }], 80);
  t.match(line, String.raw`\x1b[2Jx`);
  t.match(line, String.raw`a\nb`);
  t.end();
});

t.test('text is cut at whole characters', (t) => {
  const cases: readonly (readonly [string, number, string])[] = [
    ['pump', 4, 'pump'],
    ['pump-1', 4, 'pum…'],
    ['pump', 1, '…'],
    ['pump', 0, ''],
    ['漢字漢字', 4, '漢…'],
    ['e\u0301e\u0301e\u0301', 2, 'e\u0301…'],
    ['👩‍⚕️👩‍⚕️', 3, '👩‍⚕️…'],
  ];
  for (const [text, width, cut] of cases) t.equal(truncate(text, width), cut, `${text} to ${width}`);
  t.end();
});

t.test('prose is wrapped at spaces, a longer word stays whole', (t) => {
  t.same(wrap('one two three', 8), ['one two', 'three']);
  t.same(wrap('one abcdefghijkl two', 6, ' '), [' one', ' abcdefghijkl', ' two']);
  t.same(wrap('', 10, '  '), ['  ']);
  t.end();
});
