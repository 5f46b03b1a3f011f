import t from 'tap';
import { createScene, PUMP_ADDRESS, START, type Scene } from './scene.js';

const REQUEST = 1;
const REPLY = 2;
const SERVER = 0x0a4d0005;
const ONE_PORT = 0x001132000001;
const OTHER_PORT = 0x001132000002;
const ATTACKER_MAC = 0x020000000666;
const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;

/** Somebody asks for the server and is answered. */
function answer(scene: Scene, mac: number, nowMs: number): void {
  scene.arp(REQUEST, 0x001c42000010, PUMP_ADDRESS, SERVER, nowMs);
  scene.arp(REPLY, mac, SERVER, PUMP_ADDRESS, nowMs + 1);
}

function announce(scene: Scene, mac: number, nowMs: number): void {
  scene.arp(REQUEST, mac, SERVER, SERVER, nowMs);
}

t.test('a failover and back, announced both times, is no lie; one that is announced without end is', (t) => {
  const scene = createScene();
  for (let n = 0; n < 10; n += 1) answer(scene, ONE_PORT, START + n * 20_000);
  announce(scene, ATTACKER_MAC, START + 205_000);
  for (let n = 11; n < 18; n += 1) answer(scene, ATTACKER_MAC, START + n * 20_000);
  announce(scene, ONE_PORT, START + 380_000);
  for (let n = 20; n < 30; n += 1) answer(scene, ONE_PORT, START + n * 20_000);
  t.same(scene.by('arpSpoof'), []);

  const defended = createScene();
  for (let n = 0; n < 8; n += 1) announce(defended, n % 2 ? ATTACKER_MAC : ONE_PORT, START + n * 1_000);
  t.match(defended.by('arpSpoof'), [{ severity: 'high', evidence: { kind: 'contested' } }]);

  const once = createScene();
  answer(once, ONE_PORT, START);
  announce(once, ATTACKER_MAC, START + 60_000);
  answer(once, ONE_PORT, START + 70_000);
  t.match(once.by('arpSpoof'), [{ severity: 'high' }], 'the owner answers as if nothing had been');
  t.end();
});

t.test('two ports of one machine that answer in turns are told once, for medium', (t) => {
  const scene = createScene();
  for (let n = 0; n < 3 * 24 * 30; n += 1) {
    // At night nobody asks.
    if (n % 720 > 500) continue;
    answer(scene, n % 2 ? ONE_PORT : OTHER_PORT, START + n * 2 * MINUTE_MS);
    scene.tick(START + n * 2 * MINUTE_MS + 2);
  }
  t.same(
    [
      ...new Set(
        scene.told
          .filter(({ detector }) => detector === 'arpSpoof')
          .map((told) => `${told.key} ${told.severity} ${told.state}`),
      ),
    ],
    ['arpSpoof:10.77.0.5:contested:10.77.0.5:ports medium open'],
  );
  const nowMs = START + 72 * HOUR_MS + 2 * MINUTE_MS;
  answer(scene, ONE_PORT, nowMs);
  answer(scene, ATTACKER_MAC, nowMs + 1_000);
  answer(scene, ONE_PORT, nowMs + 2_000);
  t.match(
    scene.by('arpSpoof').at(-1),
    { severity: 'high', title: /00:11:32:00:00:01 and 02:00:00:00:06:66 both claim/ },
    'a third one is no port of it',
  );
  t.end();
});

t.test('a machine with several addresses answers for all of them on both ports', (t) => {
  const scene = createScene();
  for (let n = 0; n < 60; n += 1)
    for (let address = SERVER; address < SERVER + 5; address += 1)
      scene.arp(
        REPLY,
        n % 2 ? ONE_PORT : OTHER_PORT,
        address,
        PUMP_ADDRESS + n,
        START + n * 10_000 + address - SERVER,
      );
  t.ok(scene.by('arpSpoof').every(({ severity }) => severity === 'medium'));
  t.end();
});
