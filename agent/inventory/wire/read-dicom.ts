/**
 * DICOM association requests and acceptances (PS3.8 section 9.3.2 and 9.3.3, user information PS3.7 annex D.3.3): AE titles, implementation
 * class UID and version name, abstract syntaxes. Never a P-DATA PDU, where the patients are, and never the user identity sub-item (0x58).
 */
import { u16, u8 } from '../../packet/read.js';
import { CONFIDENCE, NO_OBSERVATIONS, Observations, type Observation } from '../observation.js';
import { textOf } from '../text.js';
import { modalityOf } from './dicom-modality.js';

const ASSOCIATE_RQ = 1;
const ASSOCIATE_AC = 2;
const FIXED_BYTES = 74;
const CALLED_AE = 10;
const CALLING_AE = 26;
const AE_BYTES = 16;
/** A modality proposes a few dozen contexts; PS3.8 allows 128, each with its sub-items. */
const MAX_ITEMS = 400;
const MAX_SOP_CLASSES = 128;
/** A scanner makes one kind of images, or two (PET and CT); who stores more is an archive, a viewer or a gateway. */
const MANY_MODALITIES = 3;
/** Told one by one, beside what they add up to: the others are told by their number alone. */
const MAX_TOLD = 16;
const ITEM_REQUESTED_CONTEXT = 0x20;
const ITEM_ABSTRACT_SYNTAX = 0x30;
const ITEM_USER_INFORMATION = 0x50;
const ITEM_IMPLEMENTATION_CLASS = 0x52;
const ITEM_IMPLEMENTATION_VERSION = 0x55;
const ITEM_APPLICATION_CONTEXT = 0x10;

export function isDicomAssociation(bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start < FIXED_BYTES + 4) return false;
  const type = u8(bytes, start);
  if ((type !== ASSOCIATE_RQ && type !== ASSOCIATE_AC) || u8(bytes, start + 1) !== 0) return false;
  // Protocol version bit 0, and the application context item comes first in all that send one.
  return (u16(bytes, start + 6) & 1) === 1 && u8(bytes, start + FIXED_BYTES) === ITEM_APPLICATION_CONTEXT;
}

export function readDicom(bytes: Uint8Array, start: number, end: number): readonly Observation[] {
  if (!isDicomAssociation(bytes, start, end)) return NO_OBSERVATIONS;
  const out = new Observations();
  const isRequest = u8(bytes, start) === ASSOCIATE_RQ;
  const calling = aeTitle(bytes, start + CALLING_AE);
  const called = aeTitle(bytes, start + CALLED_AE);
  // An acceptance repeats the titles of the request, and its sender is the called one (PS3.8 section 9.3.3).
  out.add('name', isRequest ? calling : called, 'dicom.ae-title', CONFIDENCE.told);
  if (isRequest) out.add('name', called, 'dicom.ae-title', CONFIDENCE.hearsay, 'receiver');
  out.add('role', isRequest ? 'DICOM client' : 'DICOM server', 'dicom.ae-title', CONFIDENCE.declared);
  const wholeEnd = start + 6 + u16(bytes, start + 2) * 65_536 + u16(bytes, start + 4);
  const pduEnd = Math.min(end, wholeEnd);
  const budget: Budget = { items: 0, sopClasses: new Set() };
  readItems(bytes, start + FIXED_BYTES, pduEnd, out, budget);
  const modalities = new Set<string>();
  for (const sopClass of budget.sopClasses) {
    const modality = modalityOf(sopClass);
    if (modality !== null) modalities.add(modality);
    // What a device is for first; storage comes by its modality.
    else if (budget.sopClasses.size <= MAX_TOLD) out.hint(sopClass, 'dicom.sop-class');
  }
  if (modalities.size > 0)
    out.hint(modalities.size > MANY_MODALITIES ? 'many' : [...modalities].sort().join('+'), 'dicom.modality');
  return out.list;
}

interface Budget {
  items: number;
  readonly sopClasses: Set<string>;
}

function readItems(bytes: Uint8Array, from: number, end: number, out: Observations, budget: Budget): void {
  let at = from;
  while (at + 4 <= end && budget.items < MAX_ITEMS) {
    budget.items += 1;
    const type = u8(bytes, at);
    const first = at + 4;
    const last = first + u16(bytes, at + 2);
    if (last > end) return;
    // A context has four bytes of its own before its sub-items; user information has none.
    if (type === ITEM_REQUESTED_CONTEXT) readSubItems(bytes, first + 4, last, out, budget);
    else if (type === ITEM_USER_INFORMATION) readSubItems(bytes, first, last, out, budget);
    at = last;
  }
}

function readSubItems(bytes: Uint8Array, from: number, end: number, out: Observations, budget: Budget): void {
  let at = from;
  while (at + 4 <= end && budget.items < MAX_ITEMS) {
    budget.items += 1;
    const type = u8(bytes, at);
    const first = at + 4;
    const last = first + u16(bytes, at + 2);
    if (last > end) return;
    if (type === ITEM_ABSTRACT_SYNTAX) {
      const sopClass = uid(bytes, first, last);
      if (sopClass !== null && budget.sopClasses.size < MAX_SOP_CLASSES) budget.sopClasses.add(sopClass);
    } else if (type === ITEM_IMPLEMENTATION_CLASS) {
      out.hint(uid(bytes, first, last), 'dicom.implementation-class');
    } else if (type === ITEM_IMPLEMENTATION_VERSION) {
      const version = textOf(bytes, first, Math.min(last, first + AE_BYTES));
      out.add('software', version, 'dicom.implementation-version', CONFIDENCE.hearsay);
      out.hint(version, 'dicom.implementation-version');
    }
    at = last;
  }
}

/** PS3.5 section 6.2: 16 characters, padded with spaces, no control characters or backslash. */
function aeTitle(bytes: Uint8Array, at: number): string | null {
  const title = textOf(bytes, at, at + AE_BYTES);
  return title !== null && /^[!-[\]-~][ -[\]-~]{0,15}$/.test(title) ? title : null;
}

/** PS3.5 section 9.1: digits and dots, at most 64. */
function uid(bytes: Uint8Array, start: number, end: number): string | null {
  const text = textOf(bytes, start, Math.min(end, start + 64));
  return text !== null && /^[0-2](\.\d+)+$/.test(text) ? text : null;
}
