/** An exception as it is told, in messages and to people. Apart from exceptions.ts, so that compiling needs no words. Pure. */
import type { PolicyException } from '../messages/vocabulary.js';
import { entryText } from './diff-policy.js';
import { exceptionState, type Exception } from './exceptions.js';

/** Whole: who sends it keeps to the limits of the message. */
export function exceptionRow(exception: Exception, endedByMs: number, nowMs: number): PolicyException {
  const { path, entry, devices, until, essential } = exception;
  return {
    path,
    text: entryText(entry),
    devices: [...devices],
    devicesTotal: devices.length,
    until: until.text,
    endsMs: until.endsMs,
    essential,
    state: exceptionState(exception, endedByMs, nowMs),
  };
}
