import t from 'tap';
import { createScene, START, type Change } from './scene.js';

const POISONER = 0x0a4d0068;
const LLMNR = 5355;
const NETBIOS = 137;

/** RFC 4795 section 2.1: the question, and one address behind a pointer to it. */
function llmnr(name: string, flags = 0x80): Uint8Array {
  const label = [name.length, ...Buffer.from(name, 'latin1'), 0];
  return Uint8Array.from([
    1,
    2,
    flags,
    0,
    0,
    1,
    0,
    1,
    0,
    0,
    0,
    0,
    ...label,
    0,
    1,
    0,
    1,
    0xc0,
    12,
    0,
    1,
    0,
    1,
  ]);
}

/** RFC 1002 section 4.2.13: a positive answer; the name padded to 15 bytes and its kind behind it. */
function netbios(name: string): Uint8Array {
  const bytes = Buffer.from(name.toUpperCase().padEnd(15) + '\u0000', 'latin1');
  const label = [...bytes].flatMap((byte) => [0x41 + (byte >> 4), 0x41 + (byte & 15)]);
  return Uint8Array.from([1, 2, 0x85, 0, 0, 0, 0, 1, 0, 0, 0, 0, 32, ...label, 0, 0, 32, 0, 1, 0, 0, 0, 60]);
}

const answer = (srcPort: number, bytes: Uint8Array, change: Change = {}): Change => ({
  protocol: 17,
  tcpFlags: 0,
  fromDevice: false,
  srcPort,
  port: srcPort === LLMNR ? 50_000 : NETBIOS,
  to: POISONER,
  bytes,
  payloadOffset: 0,
  payloadLength: bytes.length,
  ...change,
});

t.test('who answers for several names, or for wpad, is told once', (t) => {
  const scene = createScene();
  const names = ['fileserver', 'printsrv', 'intranett'];
  for (const [index, name] of names.entries())
    scene.first(answer(LLMNR, llmnr(name)), START + index * 60_000);
  t.match(scene.by('rogueServer'), [
    { severity: 'high', title: '10.77.0.104 answers for 3 names by LLMNR', evidence: { names } },
  ]);
  const wpad = createScene();
  for (let n = 0; n < 50; n += 1) wpad.first(answer(NETBIOS, netbios('WPAD')), START + n * 60_000);
  t.match(wpad.by('rogueServer'), [{ title: /answers for the name wpad by NetBIOS/ }]);
  const device = createScene();
  device.first(answer(LLMNR, llmnr('wpad'), { fromDevice: true, to: 0x0a4d0009 }), START);
  t.match(device.by('rogueServer'), [{ device: 'pump-1', evidence: { from: 'device' } }]);
  t.end();
});

t.test('hosts answer for their own names; questions and errors are no answers', (t) => {
  const scene = createScene();
  for (let n = 0; n < 100; n += 1) {
    scene.first(answer(LLMNR, llmnr('fileserver')), START + n * 60_000);
    scene.first(answer(NETBIOS, netbios('fileserver')), START + n * 60_000 + 1);
    scene.first(answer(NETBIOS, netbios('WORKGROUP')), START + n * 60_000 + 2);
  }
  for (const name of ['one', 'two', 'three', 'wpad']) {
    scene.first(answer(LLMNR, llmnr(name, 0)), START + 1);
    const refused = llmnr(name);
    refused[3] = 3;
    scene.first(answer(LLMNR, refused), START + 2);
    for (let length = 0; length < 15; length += 1)
      scene.first(answer(LLMNR, llmnr(name).subarray(0, length)), START + 3);
  }
  t.same(scene.by('rogueServer'), []);
  t.end();
});

t.test('a host that is asked for the name of its own addresses answers for no others', (t) => {
  const scene = createScene();
  scene.first(answer(LLMNR, llmnr('fileserver')), START);
  for (const address of ['104.0.77.10.in-addr.arpa', '104.0.1.10.in-addr.arpa', '4.6.a.0.8.e.f.ip6.arpa']) {
    const name = address.split('.').flatMap((label) => [label.length, ...Buffer.from(label)]);
    const bytes = Uint8Array.from([1, 2, 0x80, 0, 0, 1, 0, 1, 0, 0, 0, 0, ...name, 0, 0, 12, 0, 1]);
    scene.first(answer(LLMNR, bytes), START + 1);
  }
  scene.first(answer(LLMNR, llmnr('a')), START + 2);
  t.same(scene.by('rogueServer'), []);
  t.end();
});
