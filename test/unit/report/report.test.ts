import t from 'tap';
import { canonicalJson } from '../../../agent/activity/canonical-json.js';
import { renderPdf } from '../../../agent/cli/report-pdf.js';
import { buildReport } from '../../../agent/report/build-report.js';
import { drawMap } from '../../../agent/report/draw-map.js';
import { observedConduits, refusedConduits } from '../../../agent/report/map-conduits.js';
import { pdfDefinition, printable } from '../../../agent/report/pdf-definition.js';
import { renderHtml } from '../../../agent/report/render-html.js';
import { renderMarkdown } from '../../../agent/report/render-markdown.js';
import { naturally } from '../../../agent/report/words.js';
import { writeDocument } from '../../../agent/report/write-document.js';
import { serviceText } from '../../../agent/cli/service-text.js';
import type { RefusedConnection } from '../../../agent/report/segmentation-part.js';
import { NOW_MS, nameOf, sha256, wardDevice, wardInput, wardPolicy } from './ward.js';

const input = wardInput();
const model = buildReport(input);
const hash = sha256(canonicalJson(model));
const document = writeDocument(model, hash);
const html = renderHtml(document);
const markdown = renderMarkdown(document);

t.test('the same input gives the same report, and every form of it carries its hash', (t) => {
  t.equal(sha256(canonicalJson(buildReport(wardInput()))), hash);
  t.equal(
    sha256(canonicalJson(JSON.parse(JSON.stringify(model)))),
    hash,
    'reckoned again from the JSON form',
  );
  for (const form of [html, markdown, JSON.stringify(pdfDefinition(document)).replaceAll('\u200b', '')])
    t.ok(form.includes(hash));
  t.not(sha256(canonicalJson(buildReport({ ...input, by: 'somebody else' }))), hash);
  t.end();
});

t.test('it has every part that an audit asks for', (t) => {
  const titles = document.blocks.flatMap((block) => (block.kind === 'section' ? [block.title] : []));
  t.same(titles, [
    'At a glance',
    '1 Method and limits',
    '2 Inventory',
    '3 Network map and data flows',
    '4 Risk ranking',
    '5 Segmentation plan',
    '6 Containment procedure',
    '7 Activity and incidents',
    '8 End-of-life plan',
    '9 Contacts',
    '10 Crosswalk',
  ]);
  for (const section of ['(a)(1)(ii)(A)', '(a)(1)(ii)(B)', '(a)(1)(ii)(D)', '(a)(6)(ii)', '(a)(7)'])
    t.ok(html.includes(`164.308${section}<`), section);
  for (const section of [
    '164.310(d)',
    '164.312(a)(1)',
    '164.312(a)(2)(ii)',
    '164.312(b)',
    '164.312(c)(1)',
    '164.312(e)(1)',
    '164.316(b)(2)(i)',
  ])
    t.ok(html.includes(`${section}<`), section);
  t.match(html, /Proposed only[\s\S]*90 FR 898[\s\S]*not in force/);
  t.match(model.segmentation, {
    approvals: [
      { who: 'a.khan (uid 1000)', what: 'policy-applied' },
      { who: 'm.ito (uid 1001)', what: 'policy-confirmed' },
    ],
    proof: { permittedNew: 48_211, lastConfirmed: /^2026-11-13/ },
  });
  t.match(
    model.incidents.map(({ title }) => title),
    [/sweeps/, /calls/],
    'of the period, the gravest first',
  );
  t.match(
    model.containment.find(({ name }) => name === nameOf(4)),
    { now: /^contained: .*laboratory-analyser-5 contained since 2026-11-23/, essential: [/HL7/], stops: 1 },
  );
  t.end();
});

t.test('it never says that anybody complies with anything', (t) => {
  const claims =
    html
      .replaceAll(/<[^>]+>/g, ' ')
      .match(/[^.]*(complian|complies|comply|certif|approved by the|meets the)[^.]*/gi) ?? [];
  t.same(claims.length, 1, claims.join(' | '));
  t.match(claims[0], /is no certificate and claims no compliance/);
  t.end();
});

/** What a device can call itself (RFC 2132 option 12 is any bytes), and somebody in the policy or with a spreadsheet too. */
const HOSTILE = [
  '<script>alert(1)</script>',
  '"><img src=x onerror=alert(1)>',
  "'-alert(1)-'",
  '</style><script>x()</script>',
  '</text></svg><script>x()</script>',
  '[click](javascript:alert(1)) ![x](http://evil.example/x.png)',
  '| a | b |\n|---|---|\n# heading',
  '`code` <b>bold</b> &lt;',
  'http://evil.example/',
  '\u202egnp.exe\u0000\u0007\ud800',
];

t.test('names from the wire are text in every form, and nothing else', async (t) => {
  const devices = HOSTILE.map((name, index) =>
    wardDevice(100 + index, {
      policyName: null,
      fields: {
        name: { value: name, source: 'dhcp4.host-name', confidence: 75, conflicts: [name] },
        kind: { value: name, source: 'dhcp4.host-name', confidence: 75, conflicts: [] },
      },
    }),
  );
  const hostile = buildReport({
    ...wardInput(devices),
    site: HOSTILE.join(' '),
    conduits: HOSTILE.map((name) => ({
      device: name,
      direction: 'out' as const,
      service: name,
      peer: name,
      kind: 'refused' as const,
      count: 1,
      why: name,
    })),
  });
  const written = writeDocument(hostile, sha256(canonicalJson(hostile)));
  const page = renderHtml(written);
  const tags = new Set([...page.matchAll(/<\/?([a-z0-9!]+)/gi)].map(([, tag]) => tag));
  t.notOk(
    ['script', 'img', 'b', 'iframe', 'a'].some((tag) => tag !== 'a' && tags.has(tag)),
    [...tags].join(' '),
  );
  t.same(page.match(/<style>/g)?.length, 1);
  t.same(page.match(/<\/style>/g)?.length, 1);
  const inTags = (page.match(/<[a-z][^>]*>/gi) ?? []).join('\n');
  t.notMatch(
    inTags,
    /\son\w+=|href="(?!#[a-z-]+")|javascript:/i,
    'no handler, no link but into the page itself',
  );
  t.notMatch(page, /[\u0000-\u0008\u202e]/);
  const text = renderMarkdown(written);
  t.notMatch(text, /<script|<img|<b>/);
  t.notMatch(text, /(^|[^\\])\]\(|(^|[^\\])!\[/, 'neither link nor picture');
  t.notMatch(text, /https?:\/\//);
  for (const line of text.split('\n').filter((one) => one.startsWith('| ')))
    t.ok((line.match(/(?<!\\)\|/g)?.length ?? 0) >= 3, 'a row of a table stays one');
  t.equal((await renderPdf(written)).subarray(0, 5).toString(), '%PDF-');
});

t.test('the page needs nothing from anywhere, and may run nothing', (t) => {
  t.match(html, `content="default-src 'none'; style-src 'unsafe-inline'"`);
  t.notMatch(html, /<script|<link|<img|<iframe|@import|url\((?!#)/);
  t.match(html, /@page \{[^}]*margin/);
  t.match(html, 'thead { display: table-header-group; }');
  t.end();
});

t.test('the map draws 30 devices and a hundred peers legibly: on sheets, nothing over anything', (t) => {
  const peers = new Set(model.map.map(({ peer }) => peer));
  t.ok(peers.size >= 95, `${peers.size} peers`);
  const sheets = drawMap(model.map);
  const drawn = sheets.map(({ svg }) => svg).join('');
  for (const peer of peers) t.ok(drawn.includes(`>${peer}<`) || peer.length > 27, peer);
  for (const { svg, height } of sheets) {
    t.ok(height <= 640, `${height} units high: it fits a page`);
    const boxes = [...svg.matchAll(/<rect x="(\d+)" y="([\d.]+)" width="\d+" height="([\d.]+)"/g)].map(
      ([, x, y, h]) => ({ x: Number(x), top: Number(y), bottom: Number(y) + Number(h) }),
    );
    for (const x of new Set(boxes.map((box) => box.x))) {
      const column = boxes.filter((box) => box.x === x).sort((a, b) => a.top - b.top);
      const clash = column.find((box, index) => index > 0 && box.top < (column[index - 1]?.bottom ?? 0));
      t.equal(clash, undefined, `column ${x}`);
      t.ok((column.at(-1)?.bottom ?? 0) <= height, 'inside the sheet');
    }
  }
  t.same(drawMap([]), []);
  const many = Array.from({ length: 300 }, (_, index) => ({
    device: 'a',
    direction: 'out' as const,
    service: 'tcp 1',
    peer: `10.0.0.${index}`,
    kind: 'observed' as const,
    count: 1,
    why: null,
  }));
  t.ok(drawMap(many).length > 5, 'a device with 300 peers goes on over sheets');
  t.end();
});

t.test('what was seen in a capture is judged by the policy that is given, inwards too', (t) => {
  const policy = wardPolicy();
  const names = new Map(
    Object.entries(policy.devices).flatMap(([name, { identity }]) =>
      identity.addresses.map(({ text }) => [text, name] as const),
    ),
  );
  const flow = (client: string, server: string, port: number) => ({
    client,
    server,
    protocol: 6,
    port,
    count: 2,
  });
  const [pump, ct] = ['10.20.1.10', '10.20.1.12'] as const;
  const judged = observedConduits(
    [
      flow(pump, '10.20.0.20', 2575),
      flow(pump, '203.0.113.9', 443),
      flow('10.30.2.10', ct, 104),
      flow('10.9.9.9', '10.9.9.8', 1),
    ],
    policy,
    (address) => names.get(address) ?? null,
    serviceText,
  );
  t.match(judged, [
    { device: nameOf(0), direction: 'out', kind: 'essential', service: 'tcp 2575' },
    { device: nameOf(0), direction: 'out', kind: 'refused', peer: '203.0.113.9', count: 2 },
    { device: nameOf(2), direction: 'in', kind: 'permitted', peer: '10.30.2.10' },
  ]);
  t.equal(judged.length, 3);
  t.end();
});

t.test(
  'the PDF has pages with text in fonts of its own, and no empty boxes for what they lack',
  async (t) => {
    const pdf = (await renderPdf(document)).toString('latin1');
    const pages = Number(/\/Type \/Pages\n\/Count (\d+)/.exec(pdf)?.[1] ?? /\/Count (\d+)/.exec(pdf)?.[1]);
    t.ok(pages > 10 && pages < 60, `${pages} pages`);
    t.match(pdf, /FontFile2/);
    t.equal(printable('Ünïté Ωμέγα Привет – € 設備'), 'Ünïté Ωμέγα Привет – € U+8A2DU+5099');
  },
);

t.test('names are ordered as people count', (t) => {
  t.same(['ct-15', 'ct-3', 'a', 'ct-3b', 'ct'].sort(naturally), ['a', 'ct', 'ct-3', 'ct-3b', 'ct-15']);
  t.end();
});

t.test('a scan is one way on the map, and a service that many peers were refused is another', (t) => {
  const refused = (peer: string, port: number): RefusedConnection => ({
    device: 'pump-1',
    deviceAddress: '10.20.1.10',
    from: 'network',
    peer,
    protocol: 6,
    port,
    reason: 'policy',
    count: 2,
    lastMs: NOW_MS,
  });
  const scan = Array.from({ length: 100 }, (_, index) => refused('10.20.7.77', index + 1));
  const conduits = refusedConduits(
    [...scan, refused('10.20.7.78', 22), refused('10.20.7.79', 22)],
    serviceText,
  );
  t.match(conduits, [
    {
      device: 'pump-1',
      service: 'tcp, 100 ports',
      peer: '10.20.7.77',
      count: 200,
      why: 'refused: policy; ports from 1 to 100',
    },
    { service: 'tcp 22', peer: '10.20.7.78', count: 2 },
    { service: 'tcp 22', peer: '10.20.7.79', count: 2 },
  ]);
  t.equal(conduits.length, 3);
  t.end();
});
