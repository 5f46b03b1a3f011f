import t from 'tap';
import { TimerWheel } from '../../../agent/flow/timer-wheel.js';

/** Longer than one turn of the wheel, so that some entries are looked at again. */
const FURTHEST_SECONDS = 3_000;
const ENTRIES = 64;

t.test('finds what is due, when it is due or sooner, and what comes next', (t) => {
  let state = 1;
  const random = (below: number): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return (state >>> 8) % below;
  };
  const wheel = new TimerWheel(ENTRIES);
  /** What a plain list would have: when each entry is due. */
  const due = new Map<number, number>();
  let second = 1_700_000_000;
  wheel.advance(second);
  t.equal(wheel.nextSecond(), Infinity, 'empty');
  t.equal(wheel.next(), -1);
  let late = 0;
  let early = 0;
  let wrongNext = 0;
  for (let step = 0; step < 20_000; step++) {
    const entry = random(ENTRIES);
    const what = random(4);
    if (what === 0 && !due.has(entry)) {
      due.set(entry, second + random(FURTHEST_SECONDS));
      wheel.add(entry, due.get(entry) ?? 0);
    } else if (what === 1) {
      due.delete(entry);
      wheel.remove(entry);
    } else {
      second += random(20) === 0 ? random(FURTHEST_SECONDS * 2) : random(3);
      const next = wheel.nextSecond();
      wheel.advance(second);
      let taken = 0;
      for (let found = wheel.takeDue(); found >= 0; found = wheel.takeDue()) {
        taken++;
        const at = due.get(found) ?? Infinity;
        // Beyond one turn it is found too soon, as it says, and put back by whoever uses it.
        if (at <= second) due.delete(found);
        else {
          early++;
          wheel.add(found, at);
        }
      }
      if (taken > 0 !== next <= second) wrongNext++;
      for (const at of due.values()) if (at < second) late++;
    }
    const first = Math.min(Infinity, ...due.values());
    if (wheel.nextSecond() > Math.max(first, second + 1)) wrongNext++;
    if (wheel.next() >= 0 !== due.size > 0) wrongNext++;
  }
  t.equal(late, 0, 'nothing is found late');
  t.ok(early > 0, 'some were beyond one turn');
  t.equal(wrongNext, 0, 'the next second is the one in which something is found');
  t.end();
});
