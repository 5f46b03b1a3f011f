/**
 * Questions that devices have asked and nobody has answered yet, so that an answer counts only if it answers one: same
 * device and port, same server, same id, same name and type (RFC 5452 section 9.1; addresses and ports are checked by
 * connection tracking, too). Pure, bounded. Called by name-watch.ts.
 */
import type { AddressQuestion } from './read-dns.js';

/** Stub resolvers give up on a server after some seconds (RFC 1536 section 1); a slow resolver needs a few. */
const LIFE_MS = 30_000;
/** Of one device: a flood of questions displaces its own only. */
const MAX_PER_DEVICE = 512;
const MAX_DEVICES = 20_000;

export type AnswerMatch = 'asked' | 'answered-before' | 'not-asked' | 'other-name';

interface Asked {
  readonly name: string;
  readonly type: number;
  readonly atMs: number;
  isAnswered: boolean;
}

export class QuestionTable {
  readonly #byDevice = new Map<string, Map<string, Asked>>();
  /** Displaced before they were answered. */
  forgotten = 0;

  /** `device`: whoever asks, by number and address. `conversation`: its port, the server, the protocol. */
  ask(device: string, conversation: string, { id, name, type }: AddressQuestion, nowMs: number): void {
    let asked = this.#byDevice.get(device);
    if (!asked) {
      if (this.#byDevice.size >= MAX_DEVICES) this.#forgetOldestDevice();
      asked = new Map();
    }
    // Put at the end again: the devices stand in the order of their last question.
    this.#byDevice.delete(device);
    this.#byDevice.set(device, asked);
    const key = `${conversation}/${id}/${type}`;
    asked.delete(key);
    for (const [old, question] of asked) {
      const isOld = nowMs - question.atMs > LIFE_MS;
      if (!isOld && asked.size < MAX_PER_DEVICE) break;
      if (!isOld && !question.isAnswered) this.forgotten += 1;
      asked.delete(old);
    }
    asked.set(key, { name, type, atMs: nowMs, isAnswered: false });
  }

  answer(device: string, conversation: string, answer: AddressQuestion, nowMs: number): AnswerMatch {
    const asked = this.#byDevice.get(device)?.get(`${conversation}/${answer.id}/${answer.type}`);
    if (!asked || nowMs - asked.atMs > LIFE_MS) return 'not-asked';
    if (asked.name !== answer.name) return 'other-name';
    // The first answer counts (RFC 5452 section 9.2): what comes after it may be a forger's, late.
    if (asked.isAnswered) return 'answered-before';
    asked.isAnswered = true;
    return 'asked';
  }

  #forgetOldestDevice(): void {
    const [oldest] = this.#byDevice.keys();
    if (oldest !== undefined) this.#byDevice.delete(oldest);
  }
}
