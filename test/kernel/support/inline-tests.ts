/** The tests of inline inspection that are the same in bridge and in router mode. Each adds tests to `t`. */
import { setTimeout as delay } from 'node:timers/promises';
import type t from 'tap';
import { IS_EMULATED, waitFor } from '../../../agent/lab/namespace.js';
import { HOLD_QUEUE_LENGTH, INSPECTION_HEARTBEAT_TIMEOUT_MS } from '../../../agent/policy/default-policy.js';
import { ESSENTIAL, FAMILIES, FORBIDDEN, PERMITTED, SCANNED, type InlineLab } from './inline-lab.js';

type Tap = typeof t;
const NEVER: Promise<unknown> = new Promise(() => undefined);
/** SYNs are sent again after 1, 3 and 7 s (RFC 6298 section 2): what was held when all failed passes then. */
const AFTER_RETRIES = { timeoutMs: 12_000 } as const;

/** A heartbeat of 0.9 s, a SYN that is sent again after one: an emulated machine needs as long for a packet. */
const OF_SECONDS = { skip: IS_EMULATED && 'NOT TESTED: it is about seconds, and this machine is emulated' };

export function holdsAndReleases(t: Tap, inline: InlineLab): void {
  for (const family of FAMILIES)
    t.test(
      `IPv${family}: first packets are held, judged and let go, once, and logged by nobody else`,
      async (t) => {
        await inline.lab.box.must(['nft', 'flush', 'set', 'inet', 'cordon', 'new_log_rate']);
        // There the first of all wait for a compiler longer than a second.
        if (IS_EMULATED) await inline.connect(family, [PERMITTED], { times: 40, ...AFTER_RETRIES });
        const before = (await inline.status()).inspection;
        t.match(before, { wanted: 'inline', active: 'inline', why: null });
        const { connected, slowestMs } = await inline.connect(family, [PERMITTED], { times: 20 });
        t.equal(connected.length, 20);
        t.ok(slowestMs < 1_000, `slowest ${slowestMs} ms: none had to be sent again`);
        const { held, unseen } = (await inline.status()).inspection;
        t.equal(held - before.held, 20, 'each was held');
        t.equal(unseen, before.unseen);
        t.notMatch(
          await inline.lab.box.must(['nft', 'list', 'set', 'inet', 'cordon', 'new_log_rate']),
          /elements/,
        );
        t.same((await inline.connect(family, [FORBIDDEN])).failed, [FORBIDDEN], 'refused stays refused');
      },
    );
}

export function refusesByVerdict(t: Tap, inline: InlineLab): void {
  t.test(
    'a permitted scan is refused from the packet on that makes it one, and essential goes on',
    OF_SECONDS,
    async (t) => {
      // So that no port of an earlier test is remembered.
      await inline.restart();
      const { connected } = await inline.connect(4, SCANNED);
      t.equal(connected.length, 4, 'the fifth port makes it a scan');
      const { inspection, refused } = await inline.status();
      // What is refused is sent again, and refused again.
      t.ok(refused.detector.packets >= SCANNED.length - 4, `${refused.detector.packets} refused`);
      t.equal(inspection.refused, refused.detector.packets);
      t.ok(refused.detector.bytes >= refused.detector.packets * 40);
      t.same((await inline.connect(4, [ESSENTIAL])).connected, [ESSENTIAL]);
      t.same((await inline.connect(6, [PERMITTED])).connected, [PERMITTED], 'another host');
      await inline.restart();
    },
  );
}

export function outlivesItsListener(t: Tap, inline: InlineLab): void {
  t.test('killed: permitted goes on from the first moment, refused stays refused', OF_SECONDS, async (t) => {
    inline.enforcer.signal('SIGKILL');
    await inline.enforcer.ended;
    for (const family of FAMILIES) {
      const { connected, withinSecond } = await inline.connect(family, [PERMITTED], { times: 50 });
      t.equal(connected.length, 50);
      t.equal(withinSecond, 50, 'none waited');
      t.same((await inline.connect(family, [FORBIDDEN])).failed, [FORBIDDEN]);
    }
    await delay(INSPECTION_HEARTBEAT_TIMEOUT_MS);
    t.equal(
      (await inline.connect(4, [PERMITTED])).connected.length,
      1,
      'and after the heartbeat has run out',
    );
    await inline.restart();
  });
}

/** Hung a moment ago: the client needs longer to start than the last heartbeat lasts, so it is given once more. */
async function hang({ enforcer, lab }: InlineLab): Promise<void> {
  enforcer.signal('SIGSTOP');
  for (const words of [
    'flush set inet cordon inspecting',
    'add element inet cordon inspecting { ipv4 timeout 2500ms, ipv6 timeout 2500ms }',
  ])
    await lab.box.must(['nft', words]);
}

export function outlivesAHang(t: Tap, inline: InlineLab): void {
  t.test(
    'hung: permitted goes on when the heartbeat runs out, refused stays refused',
    OF_SECONDS,
    async (t) => {
      await hang(inline);
      const [first, forbidden] = await Promise.all([
        inline.connect(4, [PERMITTED], AFTER_RETRIES),
        inline.connect(6, [FORBIDDEN], { timeoutMs: 8_000 }),
      ]);
      t.equal(first.connected.length, 1, `after ${Math.round(first.slowestMs)} ms`);
      t.ok(first.slowestMs > 900, 'the first packet was held');
      t.equal(forbidden.connected.length, 0);
      for (const family of FAMILIES) {
        const { connected, withinSecond } = await inline.connect(family, [PERMITTED], { times: 20 });
        t.equal(connected.length, 20);
        t.equal(withinSecond, 20, `IPv${family}: as if there were no queue`);
      }
      inline.enforcer.signal('SIGCONT');
      await inline.isInline();
      t.equal((await inline.connect(4, [PERMITTED])).withinSecond, 1, 'awake again');
    },
  );

  t.test('hung with a full queue: the rest passes at once', OF_SECONDS, async (t) => {
    const times = HOLD_QUEUE_LENGTH + 300;
    await hang(inline);
    const { connected, withinSecond } = await inline.connect(4, [PERMITTED], { times, ...AFTER_RETRIES });
    t.equal(connected.length, times, 'none is lost');
    t.ok(withinSecond >= 300, `${withinSecond} of ${times} within a second`);
    t.ok(withinSecond < times, 'the others were held until the heartbeat ran out');
    inline.enforcer.signal('SIGCONT');
    await inline.isInline();
  });
}

export function outlivesAFlood(t: Tap, inline: InlineLab): void {
  t.test('a flood of new connections loses nothing that is permitted', OF_SECONDS, async (t) => {
    for (const family of FAMILIES) {
      const before = (await inline.status()).inspection;
      const { connected, failed } = await inline.connect(family, [PERMITTED], {
        times: 3_000,
        timeoutMs: 15_000,
      });
      t.equal(connected.length, 3_000, `failed: ${failed.length}`);
      // What passed unseen is told by the kernel's counter, which is read now and then.
      let judged = 0;
      let known = 0;
      for (let tries = 0; tries < 40 && known < 3_000; tries += 1) {
        if (tries > 0) await delay(500);
        const { held, unseen } = (await inline.status()).inspection;
        judged = held - before.held;
        known = judged + unseen - before.unseen;
      }
      t.ok(known >= 3_000, `${judged} judged, ${known - judged} let go`);
    }
  });
}

export function isGuarded(t: Tap, inline: InlineLab): void {
  t.test('the rule that holds is put back when somebody else removes or changes it', async (t) => {
    const queued = /"queue"|"NFQUEUE"/;
    for (const commands of [
      ['flush chain inet cordon hold'],
      ['flush chain inet cordon hold', 'add rule inet cordon hold accept'],
      ['flush ruleset'],
    ]) {
      const before = (await inline.status()).tablesRestored;
      for (const command of commands) await inline.lab.box.must(['nft', ...command.split(' ')]);
      await waitFor(
        async () => (await inline.status()).tablesRestored > before,
        NEVER,
        () => `not restored after: ${commands.join(', ')}`,
      );
      const chain = await inline.lab.box.must(['nft', '-j', 'list', 'chain', 'inet', 'cordon', 'hold']);
      t.match(chain, queued, commands.join(', '));
      t.notMatch(chain, /accept/);
      await inline.isInline();
      t.equal((await inline.connect(4, [PERMITTED])).connected.length, 1);
    }
  });
}

/**
 * A kernel drops what it is to hold when it is a copy of a frame whose connection is not confirmed, and counts it nowhere.
 * Packets are sent again; by then nothing may be held any more.
 */
export function outlivesCopies(t: Tap, inline: InlineLab): void {
  const { box } = inline.lab;
  const isTap = async (t: Pick<Tap, 'match'>, why: RegExp): Promise<void> => {
    const { inspection } = await inline.status();
    t.match(inspection, { wanted: 'inline', active: 'tap', why });
  };

  t.test('a capture on the bridge ends holding, and costs no connection', OF_SECONDS, async (t) => {
    await box.must(['ip', 'link', 'set', 'br0', 'promisc', 'on']);
    t.equal((await inline.connect(4, [PERMITTED], { times: 5, ...AFTER_RETRIES })).connected.length, 5);
    await isTap(t, /br0 is promiscuous/);
    t.equal((await inline.connect(6, [PERMITTED], { times: 5 })).withinSecond, 5);
    await box.must(['ip', 'link', 'set', 'br0', 'promisc', 'off']);
    await inline.isInline();
  });

  t.test(
    'frames that are flooded to several ports end holding for a while, and cost no connection',
    OF_SECONDS,
    async (t) => {
      // The newest port is served first, with a copy; and no address is ever learnt on it.
      for (const words of [
        'link add spare0 type veth peer name spare1',
        'link set spare1 up',
        'link set spare0 up master br0',
        'link set net0 nomaster',
        'link set net0 master br0',
        'link set net0 type bridge_slave learning off',
      ])
        await box.ip(words);
      await box.must(['bridge', 'fdb', 'flush', 'dev', 'net0']).catch(() => '');
      t.equal((await inline.connect(4, [PERMITTED], { times: 5, ...AFTER_RETRIES })).connected.length, 5);
      await isTap(t, /flooded/);
      t.ok(((await inline.status()).dropped['heldLost'] ?? 0) > 0, 'and is counted');
      t.equal((await inline.connect(6, [PERMITTED], { times: 5 })).withinSecond, 5);
      await box.ip('link del spare0');
      await box.ip('link set net0 type bridge_slave learning on');
      await inline.restart();
    },
  );
}

export function endsInOrder(t: Tap, inline: InlineLab): void {
  t.test('a stop in order un-queues at once and loses nothing', OF_SECONDS, async (t) => {
    const connecting = inline.connect(4, [PERMITTED], { times: 500, ...AFTER_RETRIES });
    await delay(100);
    await inline.enforcer.stop();
    t.notMatch(
      await inline.lab.box.must(['nft', 'list', 'set', 'inet', 'cordon', 'inspecting']),
      /elements/,
      'nothing is held any more',
    );
    t.equal((await connecting).connected.length, 500);
    await inline.restart();
  });
}
