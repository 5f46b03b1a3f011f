/**
 * Look-ups of generated names: malware that tries one computed domain after the other until one answers (Antonakakis et al., "From
 * Throw-Away Traffic to Bots", USENIX Security 2012). Either many registered domains that look drawn by lot (generated-name.ts), or very
 * many different ones that are all about as long: pronounceable generators draw a fixed length, what people visit has every length.
 * Names made of dictionary words with varying length are not recognised. Bounded; text is made only when a finding opens.
 */
import { describeSubject, MAX_EXAMPLES, type DetectContext, type Detector } from '../detector.js';
import { createQuestion, isUnder, nameText, OWN_NAMES, readQuestion } from './dns-question.js';
import { EVENT_IP, subjectOf, type DetectEvent, SEES_IP } from '../event.js';
import { looksGenerated } from './generated-name.js';
import type { DetectSettings } from '../settings.js';
import { SEVERITY } from '../severity.js';
import { SlotTable } from '../slot-table.js';

/** Devices; 600 bytes each. */
const SUBJECTS = 1_024;
/** Which domains were asked for within the window, as bits of a hash: up to some hundred are told apart. */
const BITS = 2_048;
const WORDS = BITS / 32;
/** Lengths of a label: 63 is the longest (RFC 1035 section 2.3.4). */
const LENGTHS = 64;
const NEIGHBOURS = 3;
const DNS_PORT = 53;
const UDP = 17;
const QUIET_MS = 900_000;
/** Under these no domain is registered: reverse look-ups (RFC 1035 section 3.5), and names of the own network. */
const OWN: readonly string[] = [...OWN_NAMES, 'arpa'];

export function createDgaDetector(context: DetectContext, settings: DetectSettings['dga']): Detector {
  return new Dga(context, settings);
}

class Dga implements Detector {
  readonly name = 'dga';
  readonly kinds = SEES_IP;
  readonly #context: DetectContext;
  readonly #settings: DetectSettings['dga'];
  readonly #subjects = new SlotTable(SUBJECTS);
  readonly #sinceMs = new Float64Array(SUBJECTS);
  readonly #seen = new Int32Array(SUBJECTS * WORDS);
  readonly #distinct = new Int32Array(SUBJECTS);
  readonly #generated = new Int32Array(SUBJECTS);
  readonly #lengths = new Int32Array(SUBJECTS * LENGTHS);
  readonly #findings = new Int32Array(SUBJECTS);
  readonly #question = createQuestion();

  constructor(context: DetectContext, settings: DetectSettings['dga']) {
    this.#context = context;
    this.#settings = settings;
  }

  observe(event: DetectEvent, nowMs: number): void {
    if (event.kind !== EVENT_IP || event.protocol !== UDP || event.port !== DNS_PORT || !event.fromDevice)
      return;
    const question = this.#question;
    if (!readQuestion(question, event.bytes, event.payloadOffset, event.payloadLength)) return;
    const at = question.domainOffset;
    const length = event.bytes[at] ?? 0;
    if (isUnder(OWN, event.bytes, at)) return;
    const slot = this.#subjects.intern(subjectOf(event), 0, 0);
    const sinceMs = nowMs - (this.#sinceMs[slot] ?? 0);
    if (this.#subjects.isNew) this.#findings[slot] = 0;
    if (this.#subjects.isNew || sinceMs < 0 || sinceMs > this.#settings.windowSeconds * 1000)
      this.#begin(slot, nowMs);
    const bit = (question.domain >>> 5) & (BITS - 1);
    const word = slot * WORDS + (bit >> 5);
    const mask = 1 << (bit & 31);
    if (((this.#seen[word] ?? 0) & mask) !== 0) return;
    this.#seen[word] = (this.#seen[word] ?? 0) | mask;
    this.#distinct[slot] = (this.#distinct[slot] ?? 0) + 1;
    const bucket = slot * LENGTHS + length;
    this.#lengths[bucket] = (this.#lengths[bucket] ?? 0) + 1;
    if (looksGenerated(event.bytes, at + 1, length)) this.#generated[slot] = (this.#generated[slot] ?? 0) + 1;
    if (!this.#isGenerating(slot)) return;
    const id = this.#findings[slot] ?? 0;
    if (id !== 0 && this.#context.book.touch(id, nowMs)) {
      const opening = this.#openings.get(id);
      if (opening && opening.length < MAX_EXAMPLES) opening.push(nameText(event.bytes, at));
      return;
    }
    this.#findings[slot] = this.#open(slot, event, nowMs);
  }

  counters(): Readonly<Record<string, number>> {
    return { 'dga.evicted': this.#subjects.evicted };
  }

  /** Names that open findings list, by finding; of open findings only. */
  readonly #openings = new Map<number, string[]>();

  #begin(slot: number, nowMs: number): void {
    this.#seen.fill(0, slot * WORDS, (slot + 1) * WORDS);
    this.#lengths.fill(0, slot * LENGTHS, (slot + 1) * LENGTHS);
    this.#distinct[slot] = 0;
    this.#generated[slot] = 0;
    this.#sinceMs[slot] = nowMs;
  }

  #isGenerating(slot: number): boolean {
    const { generatedNames, alikeNames, alikeShare } = this.#settings;
    const distinct = this.#distinct[slot] ?? 0;
    const generated = this.#generated[slot] ?? 0;
    // A tenth of what people made looks drawn by lot at the very most, so a long list of real names does not add up.
    if (generated >= generatedNames && generated * 4 >= distinct) return true;
    return distinct >= alikeNames && this.#mostAlike(slot) >= distinct * alikeShare;
  }

  /** The most names whose labels have one of three neighbouring lengths. */
  #mostAlike(slot: number): number {
    let most = 0;
    for (let length = 0; length + NEIGHBOURS <= LENGTHS; length++) {
      let count = 0;
      for (let next = 0; next < NEIGHBOURS; next++)
        count += this.#lengths[slot * LENGTHS + length + next] ?? 0;
      if (count > most) most = count;
    }
    return most;
  }

  #open(slot: number, event: DetectEvent, nowMs: number): number {
    const who = describeSubject(this.#context, event);
    const serial = this.#subjects.serial(slot);
    const { windowSeconds } = this.#settings;
    const names = [nameText(event.bytes, this.#question.domainOffset)];
    let most = 0;
    let generated = 0;
    const id = this.#context.book.openFinding(
      {
        detector: 'dga',
        subject: who.text,
        what: 'looks-up',
        device: who.device,
        deviceMac: who.mac,
        peer: this.#context.addresses.text(event.peer),
        quietMs: QUIET_MS,
        firstMs: this.#sinceMs[slot] ?? nowMs,
        count: this.#distinct[slot] ?? 1,
        describe: () => {
          if (this.#subjects.serial(slot) !== serial) return null;
          const distinct = this.#distinct[slot] ?? 0;
          if (distinct > most) {
            most = distinct;
            generated = this.#generated[slot] ?? 0;
          }
          return {
            severity: SEVERITY['dga.names'].severity,
            title: `${who.text} looks up ${most} different domains that look generated, such as ${names[0] ?? ''}`,
            evidence: {
              distinctDomains: most,
              lookDrawnByLot: generated,
              ofAlikeLength: this.#mostAlike(slot),
              windowSeconds,
              examples: [...names],
            },
            remedy:
              'It closes 15 min after the last such look-up. Malware asks so for its server: contain the device and look at what runs on it; if it is a product that measures the network, raise detect.dga.generatedNames.',
          };
        },
      },
      nowMs,
    );
    if (this.#openings.size >= SUBJECTS) this.#openings.clear();
    if (id !== 0) this.#openings.set(id, names);
    return id;
  }
}
