/**
 * The whole of the passive inventory behind one call: a decoded packet goes in, the book of devices grows. Pure; used by the agent for what the
 * enforcer sends, and by `cordon inventory` for a capture.
 */
import type { PacketView } from '../packet/view.js';
import { EvidenceBook, type BookLimits } from './evidence-book.js';
import { KNOWLEDGE_RULES } from './knowledge-rules.js';
import { conclude, readKnowledge, type Knowledge } from './knowledge.js';
import { MakerFields, ownMakers, type MakerTable } from './makers.js';
import { NO_OBSERVATIONS } from './observation.js';
import { readPacket } from './read-packet.js';

export interface InventoryOptions {
  readonly makers?: MakerTable;
  readonly limits?: BookLimits;
}

export class Inventory {
  readonly book: EvidenceBook;
  readonly #knowledge: Knowledge = readKnowledge(KNOWLEDGE_RULES);
  readonly #makers: MakerFields;

  constructor({ makers = ownMakers(), limits }: InventoryOptions = {}) {
    this.book = new EvidenceBook(limits);
    this.#makers = new MakerFields(makers, this.#knowledge);
  }

  /** `view` is what packet/ made of `bytes`; `port` the box's port that it came in by, where known. Never throws. */
  observePacket(view: PacketView, bytes: Uint8Array, nowMs: number, port: string | null = null): void {
    for (const sighting of readPacket(view, bytes)) {
      const fields = conclude(this.#knowledge, sighting.observations);
      const maker = sighting.mac === null ? NO_OBSERVATIONS : this.#makers.of(sighting.mac);
      this.book.observe(sighting, maker.length === 0 ? fields : [...fields, ...maker], nowMs, port);
    }
  }
}
