import fc from 'fast-check';
import t from 'tap';
import {
  BUTTON_UP,
  nextTickMs,
  stepButton,
  type ButtonAction,
  type ButtonState,
} from '../../../agent/containment/button.js';
import { decodeKeyEvents, type KeyEvent } from '../../../agent/containment/input-event.js';
import { LIGHT, lightFor } from '../../../agent/containment/light.js';

const times = { containsAfterMs: 3_000, cutsAfterMs: 10_000, stuckAfterMs: 60_000 };

/** Runs the events at their times, with the ticks that the state machine asks for between them. */
function play(events: readonly (readonly [number, KeyEvent])[], untilMs = 200_000): [number, ButtonAction][] {
  const actions: [number, ButtonAction][] = [];
  let state: ButtonState = BUTTON_UP;
  const step = (event: KeyEvent | 'tick', nowMs: number): void => {
    const result = stepButton(state, event, nowMs, times);
    state = result.state;
    if (result.action !== null) actions.push([nowMs, result.action]);
  };
  const tickUntil = (limitMs: number): void => {
    for (
      let next = nextTickMs(state, times);
      next !== null && next <= limitMs;
      next = nextTickMs(state, times)
    )
      step('tick', next);
  };
  for (const [atMs, event] of events) {
    tickUntil(atMs - 1);
    step(event, atMs);
  }
  tickUntil(untilMs);
  return actions;
}

const PRESSES: readonly (readonly [
  string,
  readonly (readonly [number, KeyEvent])[],
  [number, ButtonAction][],
])[] = [
  [
    'a touch does nothing',
    [
      [0, 'down'],
      [2_999, 'up'],
    ],
    [],
  ],
  [
    'held for 3 s it contains, while it is held',
    [
      [0, 'down'],
      [4_000, 'up'],
    ],
    [[3_000, 'contain']],
  ],
  [
    'let go a moment before 10 s it has contained only',
    [
      [0, 'down'],
      [9_999, 'up'],
    ],
    [[3_000, 'contain']],
  ],
  [
    'let go after 10 s it cuts',
    [
      [0, 'down'],
      [10_000, 'up'],
    ],
    [
      [3_000, 'contain'],
      [10_000, 'cut'],
    ],
  ],
  [
    'held for a minute it is stuck, and letting go cuts nothing',
    [
      [0, 'down'],
      [70_000, 'up'],
    ],
    [
      [3_000, 'contain'],
      [60_000, 'stuck'],
    ],
  ],
  [
    'never let go it is told once',
    [[0, 'down']],
    [
      [3_000, 'contain'],
      [60_000, 'stuck'],
    ],
  ],
  [
    'two touches are not one press',
    [
      [0, 'down'],
      [2_000, 'up'],
      [2_100, 'down'],
      [4_000, 'up'],
    ],
    [],
  ],
  [
    'what the kernel lost does not count as held',
    [
      [0, 'down'],
      [2_000, 'lost'],
      [9_000, 'up'],
    ],
    [],
  ],
  [
    'a press after that counts anew',
    [
      [0, 'lost'],
      [10, 'down'],
      [3_010, 'up'],
    ],
    [[3_010, 'contain']],
  ],
  [
    'letting go of what nobody pressed is nothing',
    [
      [0, 'up'],
      [5, 'up'],
    ],
    [],
  ],
  [
    'a second down within a press changes nothing',
    [
      [0, 'down'],
      [1_000, 'down'],
      [3_500, 'up'],
    ],
    [[3_000, 'contain']],
  ],
];

t.test('a press contains, a longer one cuts, and none releases', (t) => {
  for (const [what, events, actions] of PRESSES) t.same(play(events), actions, what);
  t.end();
});

t.test('a moment that passed unseen is made up for when the button is let go', (t) => {
  const down = stepButton(BUTTON_UP, 'down', 0, times).state;
  t.equal(stepButton(down, 'up', 4_000, times).action, 'contain');
  t.equal(stepButton(down, 'up', 12_000, times).action, 'cut');
  t.equal(stepButton(down, 'up', 61_000, times).action, null, 'but a stuck button cuts nothing');
  t.end();
});

t.test('no series of events cuts without a press of 10 s to a minute', (t) => {
  const event = fc.tuple(
    fc.integer({ min: 1, max: 30_000 }),
    fc.constantFrom<KeyEvent>('down', 'up', 'lost'),
  );
  fc.assert(
    fc.property(fc.array(event, { maxLength: 40 }), (gaps) => {
      let nowMs = 0;
      const events = gaps.map(([gap, kind]) => [(nowMs += gap), kind] as const);
      let downMs: number | null = null;
      const cuts = new Set<number>();
      for (const [atMs, kind] of events) {
        if (kind === 'down') downMs ??= atMs;
        else {
          if (kind === 'up' && downMs !== null && atMs - downMs >= 10_000 && atMs - downMs < 60_000)
            cuts.add(atMs);
          downMs = null;
        }
      }
      return play(events).every(([atMs, action]) => action !== 'cut' || cuts.has(atMs));
    }),
  );
  t.end();
});

/** Recorded: `evtest`-like dumps of a gpio-key with code 128 (KEY_STOP), pressed and let go, with its EV_SYN reports. */
const RECORDED_64 =
  '5b0a2569000000004ff0050000000000' +
  '0100800001000000' +
  '5b0a2569000000004ff0050000000000' +
  '0000000000000000' +
  '5e0a256900000000aa31060000000000' +
  '0100800000000000' +
  '5e0a256900000000aa31060000000000' +
  '0000000000000000';
const RECORDED_32 =
  '5b0a25694ff00500' +
  '0100800001000000' +
  '5b0a25694ff00500' +
  '0000000000000000' +
  '5e0a2569aa310600' +
  '0100800002000000' +
  '5e0a2569aa310600' +
  '0100800000000000';

const RECORDED_AT_MS = [0x69250a5b * 1000 + 0x0005f04f / 1000, 0x69250a5e * 1000 + 0x000631aa / 1000];

t.test('events of the kernel are read as 64-bit and as 32-bit machines write them', (t) => {
  for (const [hex, word] of [
    [RECORDED_64, 8],
    [RECORDED_32, 4],
  ] as const) {
    const bytes = Buffer.from(hex, 'hex');
    t.same(decodeKeyEvents(bytes, word, null).events, ['down', 'up'], `words of ${word} bytes`);
    t.same(decodeKeyEvents(bytes, word, 128).events, ['down', 'up']);
    t.same(decodeKeyEvents(bytes, word, 128).atMs, RECORDED_AT_MS, 'when they were');
    t.same(decodeKeyEvents(bytes, word, 116).events, [], 'another key');
    const cut = decodeKeyEvents(bytes.subarray(0, bytes.length - 5), word, null);
    t.equal(cut.rest.length, 2 * word + 3, 'what is not whole waits for the rest');
    t.same(decodeKeyEvents(Buffer.concat([cut.rest, bytes.subarray(-5)]), word, null).rest.length, 0);
  }
  const dropped = Buffer.from('00'.repeat(16) + '0000030000000000', 'hex');
  t.same(decodeKeyEvents(dropped, 8, null).events, ['lost'], 'SYN_DROPPED');
  t.end();
});

t.test('no bytes throw, and none are lost', (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.constantFrom(4 as const, 8 as const), (bytes, word) => {
      const { events, atMs, rest } = decodeKeyEvents(bytes, word, null);
      const size = 2 * word + 8;
      return (
        rest.length === bytes.length % size &&
        events.length <= Math.floor(bytes.length / size) &&
        atMs.length === events.length
      );
    }),
  );
  t.end();
});

t.test('the light shows the strictest of what is ordered, and a press before anything else', (t) => {
  for (const [levels, isHeld, shows] of [
    [[], false, 'normal'],
    [[], true, 'held'],
    [['contained'], false, 'contained'],
    [['contained', 'cut'], false, 'cut'],
    [['cut'], true, 'held'],
  ] as const)
    t.equal(lightFor(levels, isHeld), shows);
  const settings = Object.values(LIGHT).map(({ trigger, isOn }) => `${trigger} ${isOn}`);
  t.equal(new Set(settings).size, settings.length, 'each looks different');
  t.end();
});
