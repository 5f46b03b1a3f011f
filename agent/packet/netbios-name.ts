/** NetBIOS names as they are written in packets. Pure; used by inventory/ and detect/. */

const TEXT_LENGTH = 15;

/** RFC 1001 section 14.1: of a label of 32, every half byte a letter from A; 15 characters, padded, and what kind of name it is. Null for another. */
export function decodeNetbiosName(label: string): { text: string; suffix: number } | null {
  if (!/^[A-P]{32}$/.test(label)) return null;
  const codes = Array.from({ length: TEXT_LENGTH + 1 }, (_, index) => {
    const high = label.charCodeAt(index * 2) - 65;
    return (high << 4) | (label.charCodeAt(index * 2 + 1) - 65);
  });
  const text = String.fromCharCode(...codes.slice(0, TEXT_LENGTH)).trim();
  return { text, suffix: codes[TEXT_LENGTH] ?? 0 };
}
