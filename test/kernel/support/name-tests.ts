/** Host names in allow-lists against the real kernel, the real enforcer and dnsmasq; the same in both modes. Each adds tests to `t`. */
import { setTimeout as delay } from 'node:timers/promises';
import type t from 'tap';
import {
  DICOM,
  HL7,
  MANY,
  RESOLVER,
  SECOND_RESOLVER,
  STRANGER,
  manyAddress,
  type NameLab,
} from '../../../agent/lab/name-lab.js';
import { IS_EMULATED, waitFor } from '../../../agent/lab/namespace.js';
import { HOSPITAL } from '../../../agent/lab/network-lab.js';
import type { NameTable } from '../../../agent/messages/vocabulary.js';

type Tap = typeof t;
const FAMILIES = [4, 6] as const;
export const PACS = 'pacs.hospital.example';
/** In CI; the bench does 10,000. */
/** An answer is held for milliseconds: an emulated machine takes one at a time in that. */
const RESOLUTIONS = IS_EMULATED ? 100 : Number(process.env['CORDON_TEST_RESOLUTIONS'] ?? 2_000);
const WORKERS = IS_EMULATED ? 1 : 4;

/** Asked at the socket, as the command does: a process for each question takes most of a second. */
export function names(lab: NameLab): Promise<NameTable> {
  return lab.box.askEnforcer('names', { limit: 10_000 });
}

async function counter(lab: NameLab, name: string): Promise<number> {
  return (await lab.box.askEnforcer('status', {})).dropped[name] ?? Number.NaN;
}

export function permitsWhatIsAnswered(t: Tap, lab: NameLab): void {
  for (const family of FAMILIES)
    t.test(
      `IPv${family}: an address is refused until the device was told it, and only for its port`,
      async (t) => {
        const address = family === 4 ? '10.99.255.1' : 'fd99::ff01';
        t.ok(await lab.refuses(address));
        t.match(await lab.attempt({ name: PACS, family }), {
          resolved: 1,
          connected: 1,
          sentAgain: 0,
          address,
        });
        t.match(await lab.connect(address), { connected: 1 }, 'remembered');
        t.ok(await lab.refuses(address, HL7), 'another port');
        t.ok(await lab.refuses(family === 4 ? '10.99.255.2' : 'fd99::ff02', HL7));
        const { rows, total } = await names(lab);
        t.equal(rows.length, total);
        const row = rows.find((each) => each.address === address && each.name === PACS);
        t.match(row, { device: 'pump-1', source: 'answer', isEssential: false });
        t.same(
          row?.entries.map(({ index }) => index),
          [2, 5],
        );
        const leftMs = (row?.expiresMs ?? 0) - Date.now();
        t.ok(leftMs > 3_600_000, `${leftMs} ms left: the TTL and the grace, or more because it was used`);
      },
    );

  t.test('through CNAMEs, over a resolver of the other family, over TCP, and for ping', async (t) => {
    t.match(await lab.attempt({ name: 'alias.hospital.example' }), {
      connected: 1,
      sentAgain: 0,
      address: '10.99.255.1',
    });
    for (const family of FAMILIES)
      t.match(
        await lab.attempt({ name: `n${family}.${MANY}`, family, resolver: HOSPITAL[1] }),
        { connected: 1, sentAgain: 0 },
        `IPv${family}, asked over IPv6`,
      );
    for (const family of FAMILIES)
      t.match(
        await lab.attempt({ name: `n1${family}.${MANY}`, family, transport: 'tcp' }),
        { connected: 1, sentAgain: 0 },
        `IPv${family}, asked over TCP`,
      );
    t.equal((await lab.lab.pump.run(['ping', '-c1', '-W2', '10.99.255.1'])).code, 0);
    t.not((await lab.lab.pump.run(['ping', '-c1', '-W1', '10.99.255.2'])).code, 0);
    await lab.attempt({ name: 'viewer.hospital.example', port: 0 });
    const row = (await names(lab)).rows.find((each) => each.name === PACS && each.address === '10.99.255.1');
    t.ok(
      row?.sharedWith.includes('viewer.hospital.example'),
      'a name of nobody that has the same address is told',
    );
  });
}

export function losesNoFirstPacket(t: Tap, lab: NameLab): void {
  t.test(
    `a client that connects the moment it has the answer loses no first packet: ${RESOLUTIONS} resolutions`,
    async (t) => {
      for (const family of FAMILIES) {
        const count = RESOLUTIONS / 2;
        const tried = await lab.attempt({
          name: `n%d.${MANY}`,
          from: family === 4 ? 100 : 6_000,
          count,
          workers: WORKERS,
          family,
        });
        t.comment(`IPv${family}: ${JSON.stringify(tried)}`);
        t.equal(tried.resolved, count);
        t.equal(tried.connected, count, 'each connected');
        t.equal(tried.sentAgain, 0, 'at its first packet');
      }
    },
  );
  t.test('a flood of names displaces its own, in the kernel too', async (t) => {
    await lab.attempt({ name: `n%d.${MANY}`, from: 1_000, count: 600, workers: WORKERS, port: 0 });
    const listed = await lab.lab.box.must(['nft', '-j', 'list', 'set', 'inet', 'cordon', 'allow4_names']);
    const elements = (listed.match(/"elem": \{"val"/g) ?? []).length;
    t.ok(elements > 100 && elements <= 300, `${elements} elements`);
    t.ok(
      (await names(lab)).rows.some(({ name }) => name === PACS),
      'what the policy names stays',
    );
  });
}

const FORGER = `
// Answers on the given address: what the question's first label says is wrong with the answer.
const socket = require('node:dgram').createSocket('udp4');
socket.on('message', (question, from) => {
  const kind = question.toString('latin1', 13, 13 + question[12]);
  const answer = Buffer.concat([question, Buffer.from('c00c000100010000003c0004' + '0a63ff04', 'hex')]);
  answer.writeUInt16BE(0x8180, 2);
  answer.writeUInt16BE(1, 6);
  if (kind === 'otherid') answer.writeUInt16BE(question.readUInt16BE(0) ^ 0x5555, 0);
  if (kind === 'othername') answer[14] ^= 1;
  if (kind === 'unrelated') answer.writeUInt16BE(0xc000 | (12 + question[12] + 1), question.length);
  if (kind === 'late') socket.send(Buffer.from(answer), from.port, from.address), answer.writeUInt32BE(0x0a63ff05, answer.length - 4);
  socket.send(answer, from.port, from.address);
});
socket.bind(53, process.argv[1], () => console.log('ready'));
`;

export function believesResolversOnly(t: Tap, lab: NameLab): void {
  t.test('an answer of a server that the policy does not name permits nothing', async (t) => {
    t.match(await lab.attempt({ name: `n20.${MANY}`, resolver: STRANGER, timeoutMs: 900 }), {
      resolved: 1,
      connected: 0,
    });
    t.match(await lab.attempt({ name: `n20.${MANY}` }), { resolved: 1, connected: 1 });
  });

  t.test('answers to nothing that was asked, and to something else, are ignored and counted', async (t) => {
    const forger = await lab.lab.hospital.start([process.execPath, '-e', FORGER, SECOND_RESOLVER], {
      readyWhen: /ready/,
    });
    const before = (await names(lab)).answers;
    const ask = (label: string) =>
      lab.attempt({ name: `${label}.${MANY}`, resolver: SECOND_RESOLVER, port: 0, timeoutMs: 900 });
    await Promise.all(['otherid', 'othername', 'unrelated'].map(ask));
    t.ok(await lab.refuses('10.99.255.4'));
    const { answers } = await names(lab);
    t.equal(answers.unasked - before.unasked, 1, 'another id');
    t.equal(answers.otherName - before.otherName, 1, 'another name');
    t.equal(await counter(lab, 'nameAnswersUnasked'), answers.unasked, 'status shows them');
    t.match(await ask('late'), { resolved: 1 });
    t.match(await lab.connect('10.99.255.4'), { connected: 1 }, 'the first answer counts');
    t.ok(await lab.refuses('10.99.255.5'), 'a second one does not');
    await forger.stop();
  });

  t.test('a name cannot stand for loopback, a guarded device, or the inside of the site', async (t) => {
    for (const [name, address] of [
      ['loop.hospital.example', '127.0.0.1'],
      ['pump.hospital.example', '10.77.0.10'],
      ['inside.vendor.example', HOSPITAL[0]],
    ] as const) {
      await lab.attempt({ name, port: 0 });
      if (lab.lab.mode === 'router' && name.startsWith('pump')) continue;
      const refused = (await names(lab)).refused.find((each) => each.name === name);
      t.match(refused, { device: 'pump-1', address }, name);
    }
    t.ok(await lab.refuses(HOSPITAL[0]));
    t.match(
      (await lab.box.cordon('names')).stdout,
      /inside\.vendor\.example.*10\.77\.0\.1.*site\.domains/s,
      'and a person reads why',
    );
  });
}

export function outlivesTheEnforcer(t: Tap, lab: NameLab): void {
  t.test(
    'killed: answers pass, what was permitted goes on, what is used stays; a restart knows it all',
    async (t) => {
      await lab.attempt({ name: PACS });
      lab.enforcer.signal('SIGKILL');
      await lab.enforcer.ended;
      const began = Date.now();
      t.match(await lab.attempt({ name: PACS }), { resolved: 1, connected: 1, sentAgain: 0 });
      t.match(
        await lab.attempt({ name: `n30.${MANY}`, timeoutMs: 900 }),
        { resolved: 1, connected: 0 },
        'nobody reads answers',
      );
      t.ok(await lab.refuses('10.99.255.1', HL7));
      const left = await expiry(lab, '10.99.255.1');
      t.ok(left > 89_000, `${left} s left, ${Date.now() - began} ms after its use: the kernel prolongs it`);
      lab.enforcer = await lab.box.startEnforcer();
      t.match(await lab.connect('10.99.255.1'), { connected: 1 });
      await lab.isInline();
      t.match(await lab.attempt({ name: `n30.${MANY}` }), { connected: 1, sentAgain: 0 });
      await waitFor(
        async () => (await names(lab)).rows.some(({ address }) => address === '10.99.255.1'),
        lab.enforcer.ended,
        () => 'the address is not known again',
      );
    },
  );

  t.test('stopped and booted anew: the boot ruleset has the addresses', async (t) => {
    await lab.attempt({ name: PACS, family: 6 });
    await lab.enforcer.stop();
    await lab.lab.box.must(['nft', 'flush', 'ruleset']);
    await lab.lab.box.must(['firmware/load-ruleset'], { env: lab.box.environment });
    t.match(await lab.connect('fd99::ff01'), { connected: 1 }, 'with no process at all');
    lab.enforcer = await lab.box.startEnforcer();
    t.match(await lab.connect('fd99::ff01'), { connected: 1 });
    t.ok(await lab.refuses('fd99::ff01', HL7));
    await lab.isInline();
  });

  t.test('tables made anew, and a policy applied again, keep what names stand for', async (t) => {
    await lab.attempt({ name: PACS });
    await lab.lab.box.must(['nft', 'delete', 'table', 'inet', 'cordon']);
    await waitFor(
      async () => (await lab.connect('10.99.255.1')).connected === 1,
      lab.enforcer.ended,
      () => 'not restored',
    );
    t.ok(await lab.refuses('fd99::ff01', HL7));
    await lab.isInline();
  });
}

/** Seconds left of the first element with the address. */
async function expiry(lab: NameLab, address: string): Promise<number> {
  const listed = await lab.lab.box.must(['nft', '-j', 'list', 'set', 'inet', 'cordon', 'allow4_names']);
  const sets = JSON.parse(listed) as {
    nftables: { set?: { elem?: { elem: { val: { concat: unknown[] }; expires: number } }[] } }[];
  };
  const elements = sets.nftables.flatMap(({ set }) => set?.elem ?? []);
  return elements.find(({ elem }) => elem.val.concat.includes(address))?.elem.expires ?? 0;
}

export function survivesContainment(t: Tap, lab: NameLab): void {
  t.test(
    'contained: the essential name goes on, new connections and look-ups too; the rest stops',
    async (t) => {
      t.match(await lab.attempt({ name: 'hl7.hospital.example', port: HL7 }), { connected: 1, sentAgain: 0 });
      t.match(await lab.attempt({ name: PACS }), { connected: 1 });
      const live = await lab.lab.pump.start([
        process.execPath,
        '-e',
        `const s = require('node:net').connect(${HL7}, '10.99.255.2', () => { console.log('up'); setInterval(() => s.write('x'), 50); });
       s.on('error', () => process.exit(3)); s.on('close', () => process.exit(4));`,
      ]);
      await waitFor(
        () => Promise.resolve(live.output().includes('up')),
        live.ended,
        () => live.output(),
      );
      const ordered = await lab.box.cordon('contain', 'pump-1', '--reason', 'test');
      t.equal(ordered.code, 0, ordered.stderr);
      t.ok(await lab.refuses('10.99.255.1'), 'not essential');
      t.match(await lab.connect('10.99.255.2', HL7), { connected: 1 });
      t.match(
        await lab.attempt({ name: 'hl7.hospital.example', family: 6, port: HL7 }),
        { resolved: 1, connected: 1 },
        'an address that it is told now',
      );
      t.equal(await Promise.race([live.ended, delay(300, 'alive')]), 'alive', 'the live connection goes on');
      await lab.box.cordon('release', 'pump-1', '--reason', 'test');
      t.match(await lab.connect('10.99.255.1'), { connected: 1 });
      await live.stop();
    },
  );
}

export function explains(t: Tap, lab: NameLab): void {
  t.test('cordon names and policy explain say what a name stands for', async (t) => {
    await lab.attempt({ name: PACS });
    const listed = (await lab.box.cordon('names', '--wide')).stdout;
    t.match(listed, new RegExp(`pump-1 +${PACS} +10\\.99\\.255\\.1`));
    const explain = (to: string, port: number) =>
      lab.box.cordon(
        'policy',
        'explain',
        '--from',
        'pump-1',
        '--to',
        to,
        '--proto',
        'tcp',
        '--port',
        String(port),
      );
    t.match((await explain('10.99.255.1', DICOM)).stdout, /^PERMITTED[^]*allow\[2\]/);
    t.match((await explain(PACS, DICOM)).stdout, /^PERMITTED[^]*allow\[2\]/);
    t.match(
      (await explain(manyAddress(9_999, 4), DICOM)).stdout,
      /^REFUSED[^]*while pacs\.hospital\.example has that/,
    );
    t.match((await explain(RESOLVER, 853)).stdout, /^REFUSED/, 'encrypted DNS');
  });
}

/** With a lab in which no device has asked for anything. */
export function looksUpAhead(t: Tap, lab: NameLab): void {
  t.test('a device that kept an address reaches it: the agent looks names up ahead', async (t) => {
    const kept = '10.99.255.2';
    t.ok(await lab.refuses(kept, HL7));
    const agent = await lab.box.startAgent();
    const rows = async (): Promise<NameTable['rows']> => (await names(lab)).rows;
    await waitFor(
      async () => (await rows()).some(({ address }) => address === 'fd99::ff02'),
      agent.ended,
      () => `not looked up: ${agent.output().slice(-2000)}`,
    );
    t.match(await lab.connect(kept, HL7), { connected: 1 });
    t.match(await lab.connect('fd99::ff02', HL7), { connected: 1 });
    t.ok(await lab.refuses(kept, DICOM), 'for its port only');
    t.match(
      (await rows()).find(({ address }) => address === kept),
      { name: 'hl7.hospital.example', source: 'look-up', isEssential: true },
    );
    t.ok(await lab.refuses(HOSPITAL[0], DICOM), 'a name outside opens nothing inside, whoever asked');
    await agent.stop();
  });
}
