/**
 * Run by the lab as a process: one end of the matrix's traffic. `server` answers, `client` keeps permitted connections alive and opens
 * new ones, `intruder` tries what is refused. It is asked over a unix socket: `begin` forgets, `report` tells what happened since.
 * Time in which this process itself did not run is not counted as a disturbance. Argument: TrafficRole as JSON.
 */
import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { connect, createServer, isIPv6, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { PeerReport, TrafficRole } from './traffic-role.js';

const TICK_MS = 5;
const FRESH_EVERY_MS = 25;
const INTRUDE_EVERY_MS = 10;
/** A SYN that was lost is sent again after 1, 3 and 7 s (RFC 6298 section 2): a connection that needs longer has failed. */
const FRESH_TIMEOUT_MS = 12_000;
const RECONNECT_MS = 100;
/** What was sent this short a time ago may still be on its way. */
const SETTLE_MS = 500;
const POLL_MS = 20;
/** A tick this late means that the machine was busy, not that a packet was. */
const LATE_MS = 2 * TICK_MS;

const role = JSON.parse(process.argv[2] ?? '{}') as TrafficRole;
let lastTick = performance.now();
let blockedMs = 0;
const onTick: (() => void)[] = [];
setInterval(() => {
  const now = performance.now();
  const late = now - lastTick - TICK_MS;
  if (late > LATE_MS) blockedMs += late;
  lastTick = now;
  for (const work of onTick) work();
}, TICK_MS);

/** What is counted since the last question; connections that are being opened belong to the time in which they were begun. */
let report = empty();
let freshUnderWay = new Set<object>();
function empty(): PeerReport {
  return {
    liveGapMs: 0,
    liveBroken: 0,
    outOfOrder: 0,
    datagrams: 0,
    datagramsLost: 0,
    freshTried: 0,
    freshFailed: 0,
    freshSlowestMs: 0,
    intrusions: 0,
  };
}

/** Both ends send a counter, one byte a tick, and watch that of the other. */
class LiveConnection {
  #lastMs = performance.now();
  #lastBlockedMs = blockedMs;
  #sent = 0;
  #expected = 0;
  readonly send: () => void;
  /** Not before the other end has spoken: a connection that is being opened is not alive yet. */
  isAlive = false;

  constructor(socket: Socket) {
    socket.setNoDelay(true);
    socket.on('data', (bytes: Buffer) => {
      this.look();
      this.isAlive = true;
      this.#lastMs = performance.now();
      this.#lastBlockedMs = blockedMs;
      for (const byte of bytes) {
        if (byte !== this.#expected) report.outOfOrder += 1;
        this.#expected = (byte + 1) & 0xff;
      }
    });
    this.send = () => {
      if (socket.writable && !socket.writableNeedDrain) socket.write(Uint8Array.of(this.#sent++ & 0xff));
    };
  }

  look(): void {
    if (!this.isAlive) return;
    const gapMs = performance.now() - this.#lastMs - (blockedMs - this.#lastBlockedMs);
    report.liveGapMs = Math.max(report.liveGapMs, gapMs);
  }

  forget(): void {
    this.#lastMs = performance.now();
    this.#lastBlockedMs = blockedMs;
  }
}
const live = new Set<LiveConnection>();
onTick.push(() => {
  for (const one of live) one.send();
});

function serve(): void {
  for (const port of role.live)
    createServer((socket) => {
      const one = new LiveConnection(socket);
      live.add(one);
      socket.on('error', () => undefined).on('close', () => live.delete(one));
    }).listen(port, '::');
  for (const port of role.fresh)
    createServer((socket) => {
      socket.on('error', () => undefined).end('ok');
    }).listen({ port, host: '::', backlog: 4096 });
  for (const port of role.udp) {
    const socket = createSocket('udp6');
    socket.on('message', (bytes, from) => {
      socket.send(bytes, from.port, from.address);
    });
    socket.on('error', () => undefined);
    socket.bind(port);
  }
}

function keepAlive(host: string, port: number): void {
  const socket = connect({ host, port });
  const one = new LiveConnection(socket);
  live.add(one);
  socket.on('error', () => undefined);
  socket.on('close', () => {
    one.look();
    live.delete(one);
    report.liveBroken += 1;
    setTimeout(() => {
      keepAlive(host, port);
    }, RECONNECT_MS);
  });
}

const waiting = new Map<string, number>();
function exchangeDatagrams(host: string, port: number): void {
  const socket: UdpSocket = createSocket(isIPv6(host) ? 'udp6' : 'udp4');
  let sequence = 0;
  socket.on('error', () => undefined);
  socket.on('message', (bytes) => waiting.delete(`${host} ${bytes.toString('latin1')}`));
  onTick.push(() => {
    sequence += 1;
    // Every other tick: 100 a second.
    if (sequence % 2 === 1) return;
    waiting.set(`${host} ${sequence}`, performance.now());
    report.datagrams += 1;
    socket.send(String(sequence), port, host);
  });
}

function openFresh(host: string, port: number): void {
  const into = report;
  const underWay = freshUnderWay;
  const began = performance.now();
  const blockedBefore = blockedMs;
  into.freshTried += 1;
  const socket = connect({ host, port });
  underWay.add(socket);
  let isSettled = false;
  const settle = (isConnected: boolean): void => {
    if (isSettled) return;
    isSettled = true;
    clearTimeout(timer);
    underWay.delete(socket);
    if (!isConnected) into.freshFailed += 1;
    const tookMs = performance.now() - began - (blockedMs - blockedBefore);
    into.freshSlowestMs = Math.max(into.freshSlowestMs, tookMs);
    socket.destroy();
  };
  const timer = setTimeout(() => {
    settle(false);
  }, FRESH_TIMEOUT_MS);
  socket.on('error', () => {
    settle(false);
  });
  socket.on('data', () => {
    settle(true);
  });
}

/** In turn, so that every target is tried as often. */
function inTurn(everyMs: number, targets: readonly (() => void)[]): void {
  let turn = 0;
  if (targets.length > 0) setInterval(() => targets[turn++ % targets.length]?.(), everyMs);
}

function intrude(host: string): (() => void)[] {
  const udp = createSocket(isIPv6(host) ? 'udp6' : 'udp4');
  udp.on('error', () => undefined);
  return [
    ...role.udp.map((port) => () => {
      report.intrusions += 1;
      udp.send('forbidden', port, host);
    }),
    ...role.fresh.map((port) => () => {
      report.intrusions += 1;
      const socket = connect({ host, port });
      socket.on('error', () => undefined);
      setTimeout(() => socket.destroy(), 500);
    }),
  ];
}

switch (role.is) {
  case 'server':
    serve();
    break;
  case 'client':
    for (const host of role.hosts) {
      for (const port of role.live) keepAlive(host, port);
      for (const port of role.udp) exchangeDatagrams(host, port);
    }
    inTurn(
      FRESH_EVERY_MS,
      role.fresh.flatMap((port) =>
        role.hosts.map((host) => () => {
          openFresh(host, port);
        }),
      ),
    );
    break;
  case 'intruder':
    inTurn(INTRUDE_EVERY_MS, role.hosts.flatMap(intrude));
    break;
}

function begin(): void {
  report = empty();
  freshUnderWay = new Set();
  waiting.clear();
  for (const one of live) one.forget();
}

async function tell(): Promise<PeerReport> {
  const told = report;
  const underWay = freshUnderWay;
  for (const one of live) one.look();
  const unanswered = [...waiting.keys()];
  report = empty();
  freshUnderWay = new Set();
  await delay(SETTLE_MS);
  told.datagramsLost = unanswered.filter((key) => waiting.has(key)).length;
  for (const key of unanswered) waiting.delete(key);
  while (underWay.size > 0) await delay(POLL_MS);
  return told;
}

createServer((socket) => {
  socket.on('error', () => undefined);
  socket.on('data', (bytes) => {
    if (bytes.toString('latin1').startsWith('begin')) {
      begin();
      socket.end('{}\n');
    } else void tell().then((told) => socket.end(`${JSON.stringify(told)}\n`));
  });
}).listen(role.control, () => process.stdout.write('ready\n'));
